//! Work on all threads whose results arrive in order.
//!
//! No more than a few items per thread are in work or waiting to be taken, so that memory does not grow with their number. Who takes
//! may take while others work on.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

/// Items per thread that are begun before the oldest is taken.
const AHEAD: usize = 3;
/// How long to wait before looking for work to help with again.
const A_MOMENT: Duration = Duration::from_millis(1);

/// Does `work` on every item, and gives the results to `take` in the items' order.
pub(super) fn in_order<T: Send, R: Send>(
    items: impl Iterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R),
) {
    let most = AHEAD * rayon::current_num_threads();
    let work = &work;
    rayon::in_place_scope(|scope| {
        let mut begun: VecDeque<Receiver<R>> = VecDeque::new();
        for item in items {
            if begun.len() >= most {
                begun.pop_front().and_then(|oldest| wait(&oldest)).into_iter().for_each(&mut take);
            }
            let (send, receive) = sync_channel(1);
            // Nobody listens any more only where another item's work has panicked, and the scope says so.
            scope.spawn(move |_| {
                let _ = send.send(work(item));
            });
            begun.push_back(receive);
        }
        begun.iter().filter_map(wait).for_each(&mut take);
    });
}

/// The result of an item. A thread of the pool helps with other items meanwhile, for all of them may be waiting.
fn wait<R>(result: &Receiver<R>) -> Option<R> {
    loop {
        match result.try_recv() {
            Ok(result) => return Some(result),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => {}
        }
        match rayon::yield_now() {
            None => return result.recv().ok(),
            Some(rayon::Yield::Executed) => {}
            Some(rayon::Yield::Idle) => {
                if let Ok(result) = result.recv_timeout(A_MOMENT) {
                    return Some(result);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_order_and_few_are_ahead() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let taken = AtomicUsize::new(0);
            let mut results = Vec::new();
            let furthest = AtomicUsize::new(0);
            let work = |item: usize| {
                furthest.fetch_max(item - taken.load(Ordering::SeqCst).min(item), Ordering::SeqCst);
                item * 10
            };
            pool.install(|| {
                in_order(0..100, work, |result| {
                    results.push(result);
                    taken.fetch_add(1, Ordering::SeqCst);
                });
            });
            assert_eq!(results, (0..100).map(|item| item * 10).collect::<Vec<_>>(), "on {threads} threads");
            assert!(furthest.into_inner() <= AHEAD * threads, "on {threads} threads");
        }
    }

    #[test]
    fn all_threads_may_wait_at_once() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let outer: Vec<usize> = pool.install(|| {
            use rayon::prelude::*;
            let sum = |outer: usize| {
                let mut sum = 0;
                in_order(0..20, |inner| inner, |inner| sum += inner);
                sum + outer
            };
            (0..8).into_par_iter().map(sum).collect()
        });
        assert_eq!(outer, (190..198).collect::<Vec<_>>());
    }
}
