//! The tasks of an isolate, each the work for one event of the runtime.
//!
//! A task goes on at once when its outcome comes, within the call from JavaScript that brings the outcome: a microtask in
//! between, as `wasm-bindgen-futures` has, costs two more calls across the edge.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

type Task = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    static TASKS: RefCell<Tasks> = RefCell::default();
}

#[derive(Default)]
struct Tasks {
    last_number: u32,
    /// The tasks that wait. A task that runs is not among them.
    waiting: HashMap<u32, Task>,
    /// The numbers of the tasks that can go on.
    woken: VecDeque<u32>,
    is_running: bool,
}

/// Wakes the task of this number.
struct TaskWaker(u32);

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        TASKS.with_borrow_mut(|tasks| tasks.woken.push_back(self.0));
    }
}

/// Begins a task, and runs it as far as it gets.
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    TASKS.with_borrow_mut(|tasks| {
        tasks.last_number = tasks.last_number.wrapping_add(1);
        let number = tasks.last_number;
        tasks.waiting.insert(number, Box::pin(task));
        tasks.woken.push_back(number);
    });
    run_woken();
}

/// Runs every task that was woken, as far as each gets. Within a task nothing happens: whoever runs the task goes on.
pub(crate) fn run_woken() {
    if TASKS.with_borrow_mut(|tasks| std::mem::replace(&mut tasks.is_running, true)) {
        return;
    }
    while let Some((number, mut task)) = TASKS.with_borrow_mut(Tasks::take_woken) {
        let waker = Waker::from(Arc::new(TaskWaker(number)));
        if task.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Pending {
            TASKS.with_borrow_mut(|tasks| tasks.waiting.insert(number, task));
        }
    }
}

impl Tasks {
    /// The next task that can go on; without one, the end of the run. A task that has ended may still be woken.
    fn take_woken(&mut self) -> Option<(u32, Task)> {
        while let Some(number) = self.woken.pop_front() {
            if let Some(task) = self.waiting.remove(&number) {
                return Some((number, task));
            }
        }
        self.is_running = false;
        None
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;

    use super::*;

    /// A future that waits until its waker, which `place` gets, has been called.
    fn once(place: Rc<RefCell<Option<Waker>>>) -> impl Future<Output = ()> {
        let mut polled = false;
        poll_fn(move |context| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            place.replace(Some(context.waker().clone()));
            Poll::Pending
        })
    }

    #[test]
    fn a_task_runs_at_once_and_goes_on_when_woken() {
        let (place, steps) = (Rc::default(), Rc::new(Cell::new(0)));
        let (waits, counts) = (once(Rc::clone(&place)), Rc::clone(&steps));
        spawn(async move {
            counts.set(1);
            waits.await;
            counts.set(2);
        });
        assert_eq!(steps.get(), 1);
        run_woken();
        assert_eq!(steps.get(), 1);
        let waker = place.take().unwrap();
        waker.wake_by_ref();
        run_woken();
        assert_eq!(steps.get(), 2);
        waker.wake();
        run_woken();
    }

    #[test]
    fn a_task_that_is_woken_while_it_runs_goes_on_afterwards() {
        let (ended, in_task) = (Rc::new(Cell::new(false)), Rc::default());
        let ends = Rc::clone(&ended);
        let mut rounds = 0;
        spawn(async move {
            poll_fn(move |context| {
                rounds += 1;
                context.waker().wake_by_ref();
                run_woken();
                if rounds == 3 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            // A task begun by a task runs as well.
            spawn(once(Rc::clone(&in_task)));
            ends.set(true);
        });
        assert!(ended.get());
    }
}
