//! The memory that a JSON text needs once it is parsed.

/// An object of one member has capacity for four while it is read.
const OBJECT_BYTES: usize = 256;
/// A member or an item: its value, its name, and the overhead of the allocator; twice for the members of a large object while
/// they are sorted.
const ITEM_BYTES: usize = 160;

/// About how much memory the values of a JSON text need, in bytes, and rarely less: between once and a hundred times the
/// length of the text. Brackets and commas within strings count too.
pub fn parsed_size(json: &[u8]) -> usize {
    let size_of = |byte: &u8| match byte {
        b'{' => OBJECT_BYTES,
        b',' | b'[' => ITEM_BYTES,
        _ => 0,
    };
    json.len() + json.iter().map(size_of).sum::<usize>()
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
    fn text_counts_once_and_each_item_as_its_value() {
        let long = format!("\"{}\"", "x".repeat(1000));
        assert_eq!(parsed_size(long.as_bytes()), 1002);
        let items = parsed_size(b"[1,2,3]");
        assert!(items >= 3 * size_of::<JsonValue>(), "{items}");
    }
}
