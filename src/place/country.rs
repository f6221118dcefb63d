//! Which words are codes of countries: ISO 3166-1, alpha-2.
//!
//! Databases tell names where they have no codes, and codes of their own for what is no country; whoever needs the standard's asks here.

/// The officially assigned codes, one after the other in their order.
const ASSIGNED: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ\
DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKR\
KWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARE\
RORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW";

/// Whether a text is an assigned code.
pub fn is_country_code(text: &str) -> bool {
    text.len() == 2 && ASSIGNED.as_bytes().chunks(2).any(|code| code == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_has_so_many_codes_and_no_others() {
        let codes: Vec<&[u8]> = ASSIGNED.as_bytes().chunks(2).collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted() && codes.windows(2).all(|pair| pair[0] != pair[1]));
        for code in ["AD", "CN", "DE", "HK", "TW", "US", "ZW"] {
            assert!(is_country_code(code), "{code}");
        }
        for other in ["", "D", "de", "EU", "UK", "XK", "ZZ", "DEU", "Germany", "DA"] {
            assert!(!is_country_code(other), "{other}");
        }
    }
}
