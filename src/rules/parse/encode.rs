//! What the modifiers `wide`, `utf16`, `utf16be`, `base64` and `base64offset` make of a value.

/// How characters become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Characters {
    Utf8,
    /// `wide`, `utf16le`.
    Utf16Little,
    Utf16Big,
    /// With a byte order mark, little endian.
    Utf16Marked,
}

impl Characters {
    pub(super) fn bytes(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16Little => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Big => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Utf16Marked => [0xff, 0xfe].into_iter().chain(Self::Utf16Little.bytes(text)).collect(),
        }
    }
}

/// Base64 with padding (RFC 4648).
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let letter = move |place: usize| char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]);
        let told = chunk.len() + 1;
        [0, 1, 2, 3].map(move |place| if place < told { letter(place) } else { '=' })
    };
    bytes.chunks(3).flat_map(group).collect()
}

/// The part of the Base64 of a larger text that does not depend on what is around `bytes`, for each of the three places at
/// which they can begin. As in pySigma, letters that share bits with a neighbour are left out at both ends.
pub(super) fn base64_offsets(bytes: &[u8]) -> Vec<String> {
    let at = |offset: usize| {
        let padded: Vec<u8> = std::iter::repeat_n(b' ', offset).chain(bytes.iter().copied()).collect();
        let first = [0, 2, 3][offset];
        let encoded = base64(&padded);
        let last = encoded.len() - [0, 3, 2][padded.len() % 3];
        encoded.get(first..last).unwrap_or_default().to_owned()
    };
    (0..3).map(at).filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_vectors_of_the_standard() {
        for (plain, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_value_is_found_wherever_it_stands() {
        for before in ["", "a", "ab", "abc", "abcd"] {
            for after in ["", "x", "xy", "xyz"] {
                let whole = base64(format!("{before}http://{after}").as_bytes());
                assert!(base64_offsets(b"http://").iter().any(|part| whole.contains(part.as_str())), "{whole}");
            }
        }
        assert_eq!(base64_offsets(b"foobar"), ["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
    }

    #[test]
    fn sixteen_bits_in_either_order() {
        assert_eq!(Characters::Utf16Little.bytes("aé"), [0x61, 0, 0xe9, 0]);
        assert_eq!(Characters::Utf16Big.bytes("aé"), [0, 0x61, 0, 0xe9]);
        assert_eq!(Characters::Utf16Marked.bytes("a"), [0xff, 0xfe, 0x61, 0]);
    }
}
