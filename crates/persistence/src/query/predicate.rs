//! Filters as SQL. A condition is true or false, as in memory, and never SQL's NULL.

use flowruns_domain::query::{
    Comparison, EnumComparison, Filter, FlowPredicate, Operator, RunPredicate, TextComparison,
};
use sqlx::{Encode, Postgres, Type, postgres::PgHasArrayType};

use super::Builder;
use crate::columns::NAME;

/// Pushes a condition; `push_term` pushes one of its terms.
pub(super) fn push_condition<T>(
    sql: &mut Builder,
    condition: &Filter<T>,
    push_term: fn(&mut Builder, &T),
) {
    match condition {
        Filter::Predicate(term) => push_term(sql, term),
        Filter::Not(inner) => {
            sql.push("NOT (");
            push_condition(sql, inner, push_term);
            sql.push(")");
        }
        Filter::And(parts) => push_parts(sql, parts, (" AND ", "TRUE"), push_term),
        Filter::Or(parts) => push_parts(sql, parts, (" OR ", "FALSE"), push_term),
    }
}

fn push_parts<T>(
    sql: &mut Builder,
    parts: &[Filter<T>],
    (word, neutral): (&str, &str),
    push_term: fn(&mut Builder, &T),
) {
    sql.push("(");
    sql.push(neutral);
    for part in parts {
        sql.push(word);
        push_condition(sql, part, push_term);
    }
    sql.push(")");
}

pub(super) fn push_run_term(sql: &mut Builder, term: &RunPredicate) {
    match term {
        RunPredicate::Id(test) => push_test(sql, "id", test, |id| *id),
        RunPredicate::DisplayName(test) => push_text(sql, test),
        RunPredicate::Start(test) => push_test(sql, "start_at", test, |time| time.date_time()),
        RunPredicate::End(test) => push_test(sql, "end_at", test, |time| time.date_time()),
        RunPredicate::Status(test) => push_enum(sql, "status", test, |status| status.as_str()),
    }
}

pub(super) fn push_flow_term(sql: &mut Builder, term: &FlowPredicate) {
    match term {
        FlowPredicate::Id(test) => push_test(sql, "id", test, |id| *id),
        FlowPredicate::DisplayName(test) => push_text(sql, test),
        FlowPredicate::ReadinessStatus(test) => {
            push_enum(sql, "readiness_status", test, |status| status.as_str());
        }
    }
}

/// Pushes the range of an indexed column in which the rows of a test are. A single value is pushed as `>=` and `<=`: with
/// `=` the planner would drop the column from the order, and could choose another index.
pub(super) fn push_key_bounds<B>(sql: &mut Builder, column: &str, operator: Operator, value: &B)
where
    B: for<'q> Encode<'q, Postgres> + Type<Postgres> + Clone + Send + 'static,
{
    let limits: &[Operator] = match operator {
        Operator::Eq => &[Operator::Ge, Operator::Le],
        // Rows that a bound excludes do not count towards the scan limit.
        Operator::Ne => &[],
        Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => &[operator],
    };
    for limit in limits {
        sql.push(" AND ").push(column).push(symbol(*limit));
        sql.push_bind(value.clone());
    }
}

/// As [`push_key_bounds`], for a name.
pub(super) fn push_name_bounds(sql: &mut Builder, test: &TextComparison) {
    match test {
        TextComparison::Whole(Comparison::Compare(operator, Some(name))) => {
            push_key_bounds(sql, NAME, *operator, name);
        }
        TextComparison::StartsWith(prefix) => {
            push_key_bounds(sql, NAME, Operator::Ge, prefix);
            if let Some(beyond) = beyond_prefix(prefix) {
                push_key_bounds(sql, NAME, Operator::Lt, &beyond);
            }
        }
        TextComparison::Whole(_) | TextComparison::EndsWith(_) | TextComparison::Contains(_) => {}
    }
}

/// The least text that is greater than every text with this prefix; `None` where no such text exists.
fn beyond_prefix(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

fn push_text(sql: &mut Builder, test: &TextComparison) {
    let part = match test {
        TextComparison::Whole(test) => return push_test(sql, NAME, test, String::clone),
        TextComparison::StartsWith(part) => {
            sql.push("starts_with(display_name, ").push_bind(part.clone());
            sql.push(")");
            return;
        }
        TextComparison::EndsWith(part) => {
            sql.push("right(display_name, char_length(");
            sql.push_bind(part.clone()).push("::text)) = ");
            part
        }
        TextComparison::Contains(part) => {
            sql.push("0 < strpos(display_name, ").push_bind(part.clone());
            sql.push(")");
            return;
        }
    };
    sql.push_bind(part.clone());
}

fn push_test<V, B>(sql: &mut Builder, column: &str, test: &Comparison<V>, bound: impl Fn(&V) -> B)
where
    B: for<'q> Encode<'q, Postgres> + Type<Postgres> + PgHasArrayType + Send + 'static,
{
    match test {
        Comparison::Compare(operator, value) => push_compare(sql, column, *operator, value, bound),
        Comparison::In(values) => push_list(sql, column, values, bound),
    }
}

fn push_enum<V, B>(
    sql: &mut Builder,
    column: &str,
    test: &EnumComparison<V>,
    bound: impl Fn(&V) -> B,
) where
    B: for<'q> Encode<'q, Postgres> + Type<Postgres> + PgHasArrayType + Send + 'static,
{
    match test {
        EnumComparison::Eq(value) => push_compare(sql, column, Operator::Eq, value, bound),
        EnumComparison::Ne(value) => push_compare(sql, column, Operator::Ne, value, bound),
        EnumComparison::In(values) => push_list(sql, column, values, bound),
    }
}

/// A list is an array: PostgreSQL looks values up in it by hash.
fn push_list<V, B>(sql: &mut Builder, column: &str, values: &[Option<V>], bound: impl Fn(&V) -> B)
where
    B: for<'q> Encode<'q, Postgres> + Type<Postgres> + PgHasArrayType + Send + 'static,
{
    let some: Vec<B> = values.iter().flatten().map(bound).collect();
    sql.push("((").push(column).push(" = ANY(").push_bind(some);
    sql.push(")) IS TRUE");
    if values.iter().any(Option::is_none) {
        sql.push(" OR ").push(column).push(" IS NULL");
    }
    sql.push(")");
}

fn push_compare<V, B>(
    sql: &mut Builder,
    column: &str,
    operator: Operator,
    value: &Option<V>,
    bound: impl Fn(&V) -> B,
) where
    B: for<'q> Encode<'q, Postgres> + Type<Postgres> + Send + 'static,
{
    let Some(value) = value else {
        return push_null(sql, column, operator);
    };
    sql.push("(").push(column);
    sql.push(match operator {
        Operator::Eq => " IS NOT DISTINCT FROM ",
        Operator::Ne => " IS DISTINCT FROM ",
        other => symbol(other),
    });
    sql.push_bind(bound(value)).push(") IS TRUE");
}

fn push_null(sql: &mut Builder, column: &str, operator: Operator) {
    match operator {
        Operator::Eq | Operator::Ge | Operator::Le => sql.push(column).push(" IS NULL"),
        Operator::Ne => sql.push(column).push(" IS NOT NULL"),
        Operator::Gt | Operator::Lt => sql.push("FALSE"),
    };
}

/// The operator in SQL, where both sides have a value.
const fn symbol(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq => " = ",
        Operator::Ne => " <> ",
        Operator::Gt => " > ",
        Operator::Ge => " >= ",
        Operator::Lt => " < ",
        Operator::Le => " <= ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_the_next_code_point() {
        assert_eq!(beyond_prefix("ab").as_deref(), Some("ac"));
        assert_eq!(beyond_prefix("a\u{D7FF}").as_deref(), Some("a\u{E000}"));
        assert_eq!(beyond_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(beyond_prefix("\u{10FFFF}"), None);
        assert_eq!(beyond_prefix(""), None);
    }
}
