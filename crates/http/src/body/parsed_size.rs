//! The memory that a JSON text needs once it is parsed.

/// An object of one member has capacity for four while it is read.
const OBJECT_BYTES: usize = 256;
/// A member or an item: its value, its name, and the overhead of the allocator; twice for the members of a large object while
/// they are sorted.
const ITEM_BYTES: usize = 160;

/// About how much memory the values of a JSON text need, in bytes, and rarely less: between once and a hundred times the
/// length of the text. Brackets and commas within strings count too.
pub fn parsed_size(json: &[u8]) -> usize {
    let (mut objects, mut items) = (0, 0);
    // One byte holds the count of a chunk, so that the compiler counts many bytes with one instruction.
    for chunk in json.chunks(usize::from(u8::MAX)) {
        let (mut objects_of_chunk, mut items_of_chunk) = (0_u8, 0_u8);
        for byte in chunk {
            objects_of_chunk += u8::from(*byte == b'{');
            items_of_chunk += u8::from(*byte == b',') | u8::from(*byte == b'[');
        }
        objects += usize::from(objects_of_chunk);
        items += usize::from(items_of_chunk);
    }
    json.len() + OBJECT_BYTES * objects + ITEM_BYTES * items
}

#[cfg(test)]
mod tests {
    use flowruns_domain::json::{JsonObject, JsonValue};

    use super::*;

    const MEMBER: usize = size_of::<String>() + size_of::<JsonValue>();

    #[test]
    fn an_object_is_counted_with_its_first_capacity() {
        assert!(OBJECT_BYTES >= 4 * MEMBER + size_of::<JsonObject>());
        assert!(parsed_size(b"{\"a\":{}}") >= 2 * 4 * MEMBER);
    }

    #[test]
    fn members_count_twice() {
        let many = parsed_size(b"{\"a\":1,\"b\":2,\"c\":3}");
        assert!(many >= 3 * 2 * MEMBER, "{many}");
    }

    #[test]
    fn every_byte_of_a_long_body_counts() {
        for (byte, size) in [(b'{', OBJECT_BYTES), (b'[', ITEM_BYTES), (b',', ITEM_BYTES)] {
            for length in [254, 255, 256, 100_000] {
                assert_eq!(parsed_size(&vec![byte; length]), length * (1 + size), "{length}");
            }
        }
    }

    #[test]
    fn text_counts_once_and_each_item_as_its_value() {
        let long = format!("\"{}\"", "x".repeat(1000));
        assert_eq!(parsed_size(long.as_bytes()), 1002);
        let items = parsed_size(b"[1,2,3]");
        assert!(items >= 3 * size_of::<JsonValue>(), "{items}");
    }
}
