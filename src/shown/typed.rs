//! Values as they are typed into a question.

/// A pattern of [`query`](crate::query) that means nothing but the value, if that neither begins nor ends with a blank.
pub fn literal(value: &str) -> String {
    let special = |character: char| matches!(character, '*' | ',' | '!' | '\\');
    value.chars().flat_map(|character| special(character).then_some('\\').into_iter().chain([character])).collect()
}
