//! The local CPU budget: how much of this machine preprocessing, local compiles and links may use at once.
//!
//! Knows nothing of boards, builds or processes: it hands out permits. Preprocessing goes first, because it feeds
//! the boards, but every few permits one goes to the others, so that nothing starves. And as long as it goes on, others
//! leave it a slot: two long compiles at once would leave a whole farm hungry until one of them ends.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// How many permits in a row preprocessing may take while other work waits.
const IN_A_ROW: u32 = 4;

/// How long after a source was preprocessed the next one is still expected.
const FEEDING: Duration = Duration::from_secs(1);

/// The lane of preprocessing, and that of everything else.
const FEED: usize = 0;
const OTHER: usize = 1;

/// What a permit is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// Turn a source into the text that a board compiles. Goes first.
    Preprocess,
    /// Compile on this machine.
    Compile,
    /// Link on this machine.
    Link,
    /// Anything else that the build runs here through us.
    Other,
}

impl Use {
    fn lane(self) -> usize {
        match self {
            Self::Preprocess => FEED,
            Self::Compile | Self::Link | Self::Other => OTHER,
        }
    }
}

/// Something held as long as a permit is, such as a token of an outer jobserver. Given back when dropped.
pub type Token = Box<dyn Any + Send + Sync>;

/// Where local work under somebody else's jobserver gets its tokens from.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// Waits for a token. Cancel-safe: dropping the future loses no token.
    async fn acquire(&self) -> Token;
}

/// The local CPU budget. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct LocalBudget {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    idle: watch::Sender<()>,
}

struct State {
    slots: usize,
    /// By lane.
    in_use: [usize; 2],
    /// Preprocessing, then everything else; each first come, first served.
    lanes: [VecDeque<Waiter>; 2],
    /// When preprocessing last took or gave back a permit.
    fed: Option<Instant>,
    /// Whether the line will be looked at again once nothing is fed any more.
    alarm: bool,
    /// Permits that preprocessing has taken in a row while others waited.
    in_a_row: u32,
    next: u64,
}

struct Waiter {
    number: u64,
    grant: oneshot::Sender<LocalPermit>,
}

impl State {
    fn waiting(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    fn in_use(&self) -> usize {
        self.in_use.iter().sum()
    }

    fn is_feeding(&self) -> bool {
        self.fed.is_some_and(|fed| fed.elapsed() < FEEDING)
    }

    /// How many more permits this lane could have.
    fn room(&self, lane: usize) -> usize {
        let free = self.slots.saturating_sub(self.in_use());
        if lane == FEED || self.slots < 2 || !self.is_feeding() {
            return free;
        }
        free.min((self.slots - 1).saturating_sub(self.in_use[lane]))
    }

    fn take(&mut self, lane: usize) {
        self.in_use[lane] += 1;
        if lane == FEED {
            self.fed = Some(Instant::now());
        }
    }

    /// The next waiter to be served, and its lane.
    fn pop(&mut self) -> Option<(Waiter, usize)> {
        let others_may = !self.lanes[OTHER].is_empty() && self.room(OTHER) > 0;
        let others_turn = others_may && self.in_a_row >= IN_A_ROW;
        if !others_turn
            && self.room(FEED) > 0
            && let Some(waiter) = self.lanes[FEED].pop_front()
        {
            self.in_a_row = if others_may { self.in_a_row + 1 } else { 0 };
            return Some((waiter, FEED));
        }
        self.in_a_row = 0;
        if others_may { self.lanes[OTHER].pop_front().map(|waiter| (waiter, OTHER)) } else { None }
    }
}

impl LocalBudget {
    /// A budget of `slots` permits at a time. With none, whoever waits does so until it is resized.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        let state = State {
            slots,
            in_use: [0; 2],
            lanes: Default::default(),
            fed: None,
            alarm: false,
            in_a_row: 0,
            next: 0,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), idle: watch::Sender::new(()) }) }
    }

    /// Changes the number of slots. Permits already out stay valid: a smaller budget fills up again only once
    /// enough of them came back.
    pub fn resize(&self, slots: usize) {
        self.lock().slots = slots;
        self.serve();
    }

    /// How many permits may be out at a time.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.lock().slots
    }

    /// How many permits are out.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.lock().in_use()
    }

    /// How many callers wait for a permit.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    /// How many permits a compile could have at once without anybody having to wait for it.
    #[must_use]
    pub fn spare(&self) -> usize {
        let state = self.lock();
        if state.waiting() > 0 { 0 } else { state.room(OTHER) }
    }

    /// Waits for a permit; first come, first served among equals.
    ///
    /// Cancel-safe: dropping the future gives up the place in the line and loses no permit.
    pub async fn acquire(&self, wanted: Use) -> LocalPermit {
        let lane = wanted.lane();
        let (number, granted) = {
            let mut state = self.lock();
            // Others that wait beside a free slot wait because it is kept for preprocessing.
            let ahead = if lane == FEED { state.lanes[FEED].len() } else { state.waiting() };
            if ahead == 0 && state.room(lane) > 0 {
                state.take(lane);
                return self.permit(lane);
            }
            let (grant, granted) = oneshot::channel();
            let number = state.next;
            state.next += 1;
            state.lanes[lane].push_back(Waiter { number, grant });
            (number, granted)
        };
        let mut place = Place { budget: self, lane, number: Some(number) };
        match granted.await {
            Ok(permit) => {
                place.number = None;
                permit
            }
            // Can't be: a waiter leaves the line only with a permit or with this future, and `self` keeps the
            // line alive. Waiting for ever would be worse than a permit too many.
            Err(_) => {
                self.lock().take(lane);
                self.permit(lane)
            }
        }
    }

    /// As [`LocalBudget::acquire`], under somebody else's jobserver: the permit holds a token from `source` too.
    ///
    /// The token comes first: a build that its own jobserver starves must not keep a slot from other builds.
    /// Cancel-safe.
    pub async fn acquire_with(&self, wanted: Use, source: &dyn TokenSource) -> LocalPermit {
        let token = source.acquire().await;
        let mut permit = self.acquire(wanted).await;
        permit.hold(token);
        permit
    }

    /// A permit for a compile if there is a spare one that nobody waits for.
    #[must_use]
    pub fn try_acquire(&self) -> Option<LocalPermit> {
        let mut state = self.lock();
        if state.room(OTHER) == 0 || state.waiting() > 0 {
            return None;
        }
        state.take(OTHER);
        drop(state);
        Some(self.permit(OTHER))
    }

    /// Changes each time a slot falls free that nobody waits for.
    #[must_use]
    pub fn watch_idle(&self) -> watch::Receiver<()> {
        self.shared.idle.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn permit(&self, lane: usize) -> LocalPermit {
        LocalPermit { budget: self.clone(), lane, token: None }
    }

    /// Gives free slots to those who wait; says so if some are left.
    fn serve(&self) {
        loop {
            let mut state = self.lock();
            if state.room(FEED) == 0 {
                return;
            }
            let Some((waiter, lane)) = state.pop() else { break };
            state.take(lane);
            drop(state);
            // Outside of the lock: if the waiter has just gone, its permit comes back and takes the lock.
            drop(waiter.grant.send(self.permit(lane)));
        }
        self.serve_later();
        self.shared.idle.send_replace(());
    }

    /// Looks at the line again when the slot that is kept for preprocessing won't be kept any more.
    fn serve_later(&self) {
        let mut state = self.lock();
        // Without a runtime nobody waits for long.
        let (false, true, Ok(runtime)) = (state.alarm, state.is_feeding(), Handle::try_current())
        else {
            return;
        };
        state.alarm = true;
        let budget = self.clone();
        runtime.spawn(async move {
            while let Some(fed) = budget.still_fed() {
                tokio::time::sleep_until(fed + FEEDING).await;
            }
            budget.serve();
        });
    }

    /// When something was last fed, if that was just now; otherwise the alarm is off.
    fn still_fed(&self) -> Option<Instant> {
        let mut state = self.lock();
        let fed = state.fed.filter(|_| state.is_feeding());
        state.alarm = fed.is_some();
        fed
    }
}

impl fmt::Debug for LocalBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("LocalBudget")
            .field("slots", &state.slots)
            .field("in_use", &state.in_use())
            .field("waiting", &state.waiting())
            .finish()
    }
}

/// Leaves the line when an `acquire` is dropped.
struct Place<'a> {
    budget: &'a LocalBudget,
    lane: usize,
    number: Option<u64>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut state = self.budget.lock();
            state.lanes[self.lane].retain(|waiter| waiter.number != number);
        }
    }
}

/// The right to use one core of this machine; given back when dropped.
#[must_use = "the slot is given back when the permit is dropped"]
pub struct LocalPermit {
    budget: LocalBudget,
    lane: usize,
    token: Option<Token>,
}

impl LocalPermit {
    /// Holds `token` as long as the permit lives; a token held before is given back.
    pub fn hold(&mut self, token: Token) {
        self.token = Some(token);
    }
}

impl fmt::Debug for LocalPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalPermit").field("token", &self.token.is_some()).finish_non_exhaustive()
    }
}

impl Drop for LocalPermit {
    fn drop(&mut self) {
        self.token = None;
        let mut state = self.budget.lock();
        state.in_use[self.lane] -= 1;
        if self.lane == FEED {
            state.fed = Some(Instant::now());
        }
        drop(state);
        self.budget.serve();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn now<F: Future>(future: F) -> Option<F::Output> {
        match poll(pin!(future)) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn no_more_permits_are_out_than_there_are_slots() {
        let budget = LocalBudget::new(2);
        let held = [now(budget.acquire(Use::Compile)), now(budget.acquire(Use::Link))];
        assert!(held.iter().all(Option::is_some));
        assert!(now(budget.acquire(Use::Preprocess)).is_none());
        assert!(budget.try_acquire().is_none());
        drop(held);
        assert_eq!(budget.in_use(), 0);
    }

    #[test]
    fn equals_are_served_in_the_order_they_came() {
        let budget = LocalBudget::new(1);
        let held = budget.try_acquire();
        let mut first = pin!(budget.acquire(Use::Compile));
        let mut second = pin!(budget.acquire(Use::Link));
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
        drop(held);
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(first.as_mut()).is_ready());
        assert!(poll(second.as_mut()).is_ready());
    }

    #[test]
    fn preprocessing_goes_first() {
        let budget = LocalBudget::new(1);
        let held = budget.try_acquire();
        let mut compile = pin!(budget.acquire(Use::Compile));
        let mut preprocess = pin!(budget.acquire(Use::Preprocess));
        assert!(poll(compile.as_mut()).is_pending());
        assert!(poll(preprocess.as_mut()).is_pending());
        drop(held);
        assert!(poll(compile.as_mut()).is_pending());
        assert!(poll(preprocess.as_mut()).is_ready());
    }

    #[test]
    fn endless_preprocessing_starves_no_compile() {
        let budget = LocalBudget::new(1);
        let mut held = budget.try_acquire();
        let mut compile = pin!(budget.acquire(Use::Compile));
        assert!(poll(compile.as_mut()).is_pending());
        for turn in 0..=IN_A_ROW {
            let mut preprocess = Box::pin(budget.acquire(Use::Preprocess));
            assert!(poll(preprocess.as_mut()).is_pending());
            drop(held.take());
            match poll(preprocess.as_mut()) {
                Poll::Ready(permit) => held = Some(permit),
                Poll::Pending => {
                    assert_eq!(turn, IN_A_ROW);
                    assert!(poll(compile.as_mut()).is_ready());
                    return;
                }
            }
        }
        panic!("the compile never got its turn");
    }

    #[tokio::test(start_paused = true)]
    async fn preprocessing_keeps_a_slot_as_long_as_it_goes_on() {
        let budget = LocalBudget::new(2);
        drop(budget.acquire(Use::Preprocess).await);
        let compile = now(budget.acquire(Use::Compile));
        assert!(compile.is_some());
        assert_eq!(budget.spare(), 0);
        let mut second = pin!(budget.acquire(Use::Compile));
        assert!(poll(second.as_mut()).is_pending());
        assert!(now(budget.acquire(Use::Preprocess)).is_some(), "in spite of who waits");
        let start = Instant::now();
        drop(second.await);
        assert!(start.elapsed() >= FEEDING && start.elapsed() < 2 * FEEDING);
        assert_eq!(budget.spare(), 1);
    }

    #[test]
    fn a_waiter_dropped_before_or_after_its_grant_loses_no_permit() {
        let budget = LocalBudget::new(1);
        let held = budget.try_acquire();
        let mut early = Box::pin(budget.acquire(Use::Compile));
        let mut granted = Box::pin(budget.acquire(Use::Compile));
        assert!(poll(early.as_mut()).is_pending());
        assert!(poll(granted.as_mut()).is_pending());
        drop(early);
        assert_eq!(budget.waiting(), 1);
        drop(held);
        assert_eq!((budget.in_use(), budget.waiting()), (1, 0));
        drop(granted);
        assert_eq!(budget.in_use(), 0);
        assert!(budget.try_acquire().is_some());
    }

    #[test]
    fn growing_serves_those_who_wait_and_shrinking_takes_nothing_back() {
        let budget = LocalBudget::new(1);
        let first = budget.try_acquire();
        let mut second = pin!(budget.acquire(Use::Compile));
        assert!(poll(second.as_mut()).is_pending());
        budget.resize(2);
        let Poll::Ready(second) = poll(second.as_mut()) else { panic!("not served") };
        budget.resize(1);
        drop(first);
        assert!(budget.try_acquire().is_none());
        drop(second);
        assert!(budget.try_acquire().is_some());
    }

    #[test]
    fn an_idle_slot_is_announced_and_a_handed_over_one_is_not() {
        let budget = LocalBudget::new(1);
        let mut idle = budget.watch_idle();
        idle.mark_unchanged();
        let held = budget.try_acquire();
        let mut next = Box::pin(budget.acquire(Use::Compile));
        assert!(poll(next.as_mut()).is_pending());
        drop(held);
        assert!(!idle.has_changed().unwrap());
        drop(next);
        assert!(idle.has_changed().unwrap());
    }

    #[test]
    fn a_token_is_given_back_with_its_permit() {
        struct Outer(Arc<()>);
        #[async_trait]
        impl TokenSource for Outer {
            async fn acquire(&self) -> Token {
                Box::new(Arc::clone(&self.0))
            }
        }
        let budget = LocalBudget::new(1);
        let outer = Outer(Arc::new(()));
        let permit = now(budget.acquire_with(Use::Compile, &outer));
        assert_eq!(Arc::strong_count(&outer.0), 2);
        drop(permit);
        assert_eq!(Arc::strong_count(&outer.0), 1);
    }
}
