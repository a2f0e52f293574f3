//! What a body takes once it is parsed.

/// An object of one member has room for four while it is read.
const OBJECT_BYTES: usize = 256;
/// A member or an item: its value, its name, and what the allocator adds; of an object of many members twice while they
/// are sorted.
const ITEM_BYTES: usize = 160;

/// About how much memory the values of a JSON text hold, in bytes, and rarely less: text of the same length may take
/// as much as it is long, or a hundred times that. Brackets and commas within strings count too.
pub(crate) fn footprint(text: &[u8]) -> usize {
    let count = |mark: u8| text.iter().filter(|byte| **byte == mark).count();
    text.len() + OBJECT_BYTES * count(b'{') + ITEM_BYTES * (count(b',') + count(b'['))
}

#[cfg(test)]
mod tests {
    use flowruns_domain::json::{JsonObject, JsonValue};

    use super::*;

    const MEMBER: usize = size_of::<String>() + size_of::<JsonValue>();

    #[test]
    fn an_object_is_counted_with_the_room_it_begins_with() {
        assert!(OBJECT_BYTES >= 4 * MEMBER + size_of::<JsonObject>());
        assert!(footprint(b"{\"a\":{}}") >= 2 * 4 * MEMBER);
    }

    #[test]
    fn members_count_twice() {
        let many = footprint(b"{\"a\":1,\"b\":2,\"c\":3}");
        assert!(many >= 3 * 2 * MEMBER, "{many}");
    }

    #[test]
    fn text_counts_once_and_each_item_for_what_its_value_takes() {
        let long = format!("\"{}\"", "x".repeat(1000));
        assert_eq!(footprint(long.as_bytes()), 1002);
        let items = footprint(b"[1,2,3]");
        assert!(items >= 3 * size_of::<JsonValue>(), "{items}");
    }
}
