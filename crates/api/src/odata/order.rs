//! `$orderby`

use flowruns_domain::{
    property,
    query::{Direction, FlowOrder, FlowSort, RunOrder, RunSort},
};

use super::options::{QueryOptions, invalid};
use crate::error::ApiError;

/// The requested order of runs.
pub(crate) fn run_order(options: &QueryOptions) -> Result<RunOrder, ApiError> {
    let sorts = [
        (property::START_DATE_TIME, RunSort::Start),
        (property::END_DATE_TIME, RunSort::End),
        (property::DISPLAY_NAME, RunSort::DisplayName),
        (property::ID, RunSort::Id),
    ];
    let order =
        read(options, &sorts)?.map(|(sort, direction, ties)| RunOrder { sort, direction, ties });
    Ok(order.unwrap_or_default())
}

/// The requested order of flows.
pub(crate) fn flow_order(options: &QueryOptions) -> Result<FlowOrder, ApiError> {
    let sorts = [(property::ID, FlowSort::Id), (property::DISPLAY_NAME, FlowSort::DisplayName)];
    let order =
        read(options, &sorts)?.map(|(sort, direction, ties)| FlowOrder { sort, direction, ties });
    Ok(order.unwrap_or_default())
}

/// One property, and perhaps the id, by which ties are broken: in the direction of the property unless another is sent.
fn read<S: Copy>(
    options: &QueryOptions,
    sorts: &[(&str, S)],
) -> Result<Option<(S, Direction, Direction)>, ApiError> {
    let Some(text) = options.get("orderby") else {
        return Ok(None);
    };
    let order = || {
        let mut items = text.split(',').map(item);
        let (name, direction) = items.next()??;
        let (known, sort) = sorts.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        let ties = match items.next() {
            None => direction,
            Some(second) => {
                let (name, ties) = second?;
                let is_id = name.eq_ignore_ascii_case(property::ID) && *known != property::ID;
                is_id.then_some(ties)?
            }
        };
        items.next().is_none().then_some((*sort, direction, ties))
    };
    order().map(Some).ok_or_else(|| {
        let names: Vec<&str> = sorts.iter().map(|(name, _)| *name).collect();
        let first = names.iter().find(|name| **name != property::ID);
        let message = format!(
            "$orderby is one of {}, then asc or desc; id may follow as a second key, such as {} desc,id asc",
            names.join(", "),
            first.unwrap_or(&property::DISPLAY_NAME)
        );
        invalid("orderby", message)
    })
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
