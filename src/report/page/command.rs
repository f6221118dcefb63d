//! A command that can be copied.

use maud::{Markup, html};

/// The command and its button; `about` says what it shows.
pub(super) fn command(about: &str, text: &str) -> Markup {
    html! {
        div.command {
            span.about { (about) }
            code { (text) }
            button type="button" class="copy" aria-label={ "Copy the command: " (about) } hidden { "Copy" }
        }
    }
}
