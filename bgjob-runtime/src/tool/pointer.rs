//! RFC 6901 pointers as text.

use std::fmt::Display;

/// Appends one reference token to `pointer`, escaping `~` and `/`.
pub fn push(pointer: &mut String, token: impl Display) {
    pointer.push('/');
    let token = token.to_string();
    if token.contains(['~', '/']) {
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(&token);
    }
}

/// The pointer to the member `token` of what `parent` points to.
pub fn join(parent: &str, token: impl Display) -> String {
    let mut pointer = parent.to_owned();
    push(&mut pointer, token);
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_finds_the_odd_key_it_was_made_of() {
        let value = serde_json::json!({"a/b": {"~1": [10, 20]}});
        let pointer = join(&join(&join("", "a/b"), "~1"), 1);
        assert_eq!(pointer, "/a~1b/~01/1");
        assert_eq!(value.pointer(&pointer), Some(&serde_json::json!(20)));
    }
}
