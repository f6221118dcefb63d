use super::*;

#[test]
fn a_night_without_anything_is_a_page_too() {
    let page = page(&Night::default());
    assert!(page.contains("None: nothing deviates from its history."));
}
