//! `$orderby`

use flowruns_domain::{Direction, FlowOrder, FlowSort, RunOrder, RunSort, property};

use super::options::{QueryOptions, invalid};
use crate::error::ApiError;

/// The order of runs that is asked for.
pub(crate) fn run_order(options: &QueryOptions) -> Result<RunOrder, ApiError> {
    let sorts = [
        (property::START_DATE_TIME, RunSort::Start),
        (property::END_DATE_TIME, RunSort::End),
        (property::DISPLAY_NAME, RunSort::DisplayName),
        (property::ID, RunSort::Id),
    ];
    let order = read(options, &sorts)?;
    Ok(
        order.map_or_else(RunOrder::default, |(sort, direction)| RunOrder {
            sort,
            direction,
        }),
    )
}

/// The order of flows that is asked for.
pub(crate) fn flow_order(options: &QueryOptions) -> Result<FlowOrder, ApiError> {
    let sorts = [
        (property::ID, FlowSort::Id),
        (property::DISPLAY_NAME, FlowSort::DisplayName),
    ];
    let order = read(options, &sorts)?;
    Ok(
        order.map_or_else(FlowOrder::default, |(sort, direction)| FlowOrder {
            sort,
            direction,
        }),
    )
}

/// One property, and perhaps the id, by which ties are broken anyway.
fn read<S: Copy>(
    options: &QueryOptions,
    sorts: &[(&str, S)],
) -> Result<Option<(S, Direction)>, ApiError> {
    let Some(text) = options.get("orderby") else {
        return Ok(None);
    };
    let refused = || {
        let names: Vec<&str> = sorts.iter().map(|(name, _)| *name).collect();
        let message = format!(
            "$orderby is one of {}, then asc or desc; ties are broken by id",
            names.join(", ")
        );
        invalid("orderby", message)
    };
    let mut items = text.split(',').map(item);
    let first = items.next().flatten().ok_or_else(refused)?;
    let is_tie_break = |item| item == Some((property::ID, Direction::Ascending));
    let rest: Vec<_> = items.collect();
    let others_are_kept = match rest.as_slice() {
        [] => true,
        [only] => is_tie_break(*only) && first.0 != property::ID,
        _ => false,
    };
    let sort = sorts.iter().find(|(name, _)| *name == first.0);
    match sort {
        Some((_, sort)) if others_are_kept => Ok(Some((*sort, first.1))),
        _ => Err(refused()),
    }
}

fn item(text: &str) -> Option<(&str, Direction)> {
    let mut words = text.split_whitespace();
    let name = words.next()?;
    let direction = match words.next() {
        None => Direction::Ascending,
        Some(word) if word.eq_ignore_ascii_case("asc") => Direction::Ascending,
        Some(word) if word.eq_ignore_ascii_case("desc") => Direction::Descending,
        Some(_) => return None,
    };
    words.next().is_none().then_some((name, direction))
}
