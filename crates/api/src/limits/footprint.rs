//! What a body takes once it is parsed.

/// An object of one member has room for four while it is read.
const OBJECT_BYTES: usize = 256;
/// A member or an item: its value, its name, and what the allocator adds; of an object of many members twice while they
/// are sorted.
const ITEM_BYTES: usize = 160;

/// About how much memory the values of a JSON text hold, in bytes, and rarely less: text of the same length may take
/// as much as it is long, or a hundred times that. Brackets and commas within strings count too.
pub(crate) fn footprint(text: &[u8]) -> usize {
    let (mut objects, mut items) = (0, 0);
    // One byte holds the count of a chunk, so that the compiler counts many bytes in one instruction.
    for chunk in text.chunks(usize::from(u8::MAX)) {
        let (mut objects_of_chunk, mut items_of_chunk) = (0_u8, 0_u8);
        for byte in chunk {
            objects_of_chunk += u8::from(*byte == b'{');
            items_of_chunk += u8::from(*byte == b',') | u8::from(*byte == b'[');
        }
        objects += usize::from(objects_of_chunk);
        items += usize::from(items_of_chunk);
    }
    text.len() + OBJECT_BYTES * objects + ITEM_BYTES * items
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
