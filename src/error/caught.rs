//! Panics of libraries that read what others wrote: caught, silent, and told as errors.
//!
//! Our own code does not panic; a decoder that meets bytes nobody thought of may. What it was working on is given up as a whole.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many calls are at work that may panic in threads of their own.
static EVERYWHERE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How many calls are at work in this thread.
    static HERE: Cell<usize> = const { Cell::new(0) };
}

/// Runs what may panic in this thread; the panic's message in place of a result.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    quieten();
    HERE.set(HERE.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(run));
    HERE.set(HERE.get() - 1);
    result.map_err(|panicked| message(&*panicked))
}

/// Runs what may panic in any thread. While it runs no thread's panic is printed.
pub fn caught_everywhere<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    EVERYWHERE.fetch_add(1, Ordering::SeqCst);
    let result = caught(run);
    EVERYWHERE.fetch_sub(1, Ordering::SeqCst);
    result
}

/// Sees to it that panics that are caught are not printed, and all others are, as ever.
fn quieten() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            if HERE.get() == 0 && EVERYWHERE.load(Ordering::SeqCst) == 0 {
                before(panicked);
            }
        }));
    });
}

fn message(panicked: &(dyn Any + Send)) -> String {
    let text = panicked.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panicked.downcast_ref::<&str>().copied()).unwrap_or("its decoder gave up").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_the_next_is_told_as_ever() {
        let told = caught(|| std::hint::black_box(Vec::<u8>::new())[3]).unwrap_err();
        assert!(told.contains("index out of bounds"), "{told}");
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(HERE.get(), 0);
        assert!(caught_everywhere(|| std::hint::black_box(Vec::<u8>::new())[3]).is_err());
    }
}
