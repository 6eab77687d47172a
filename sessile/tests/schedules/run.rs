//! [`Run`]: two requests, stepped through one schedule.

use std::{
    collections::HashSet,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

use sessile::{clock::Clock as _, storage::SessionId};

use crate::{
    key::Histories,
    model::Operation,
    programs::{Program, Request},
    report::Report,
    setup::Setup,
    step::{Line, Step},
    stepped_store::{RequestIndex, Stop},
    violation::{Invariant, Violation},
};

/// No schedule of two requests needs more steps.
const MAX_STEPS: usize = 64;

pub(crate) struct Run<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) programs: [Program; 2],
    requests: [Option<Pin<Box<dyn Future<Output = ()>>>>; 2],
    wakers: [Arc<Woken>; 2],
    pub(crate) reports: [Arc<Mutex<Report>>; 2],
    pub(crate) histories: Histories,
    /// The request of the failed operation.
    pub(crate) failed: Option<RequestIndex>,
    /// An operation that takes effect later.
    pub(crate) late: Option<(RequestIndex, Operation)>,
    /// The second half of an update of a store that is not atomic.
    pub(crate) second_half: [Option<Operation>; 2],
    /// Whether the store has kept something for the request.
    pub(crate) has_stored: [bool; 2],
    /// The request that renewed the stored session.
    pub(crate) renewed_by: Option<RequestIndex>,
    /// The sessions that have certainly ended.
    pub(crate) ended: HashSet<SessionId>,
    /// The number of later requests.
    pub(crate) followed: usize,
    /// The sessions that the first of them has written to.
    pub(crate) written_after: HashSet<SessionId>,
    pub(crate) lines: Vec<Line>,
}

/// Whether a waiting request was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Run<'a> {
    /// Both requests have begun, and wait for their first operation.
    pub(crate) fn new(setup: &'a Setup, programs: [Program; 2]) -> Self {
        setup.reset();
        let reports: [Arc<Mutex<Report>>; 2] = Default::default();
        let requests = [0, 1].map(|index| {
            let request = Request {
                index,
                program: programs[index],
                manager: setup.manager(index).clone(),
                store: setup.store.clone(),
                id: setup.id.clone(),
                cookie: Arc::clone(&setup.cookie),
                last_used: setup.last_used,
                report: Arc::clone(&reports[index]),
            };
            Some(Box::pin(request.run()) as Pin<Box<dyn Future<Output = ()>>>)
        });
        let mut run = Self {
            setup,
            programs,
            requests,
            wakers: Default::default(),
            reports,
            histories: Histories::new(&setup.id),
            failed: None,
            late: None,
            second_half: [None, None],
            has_stored: [false; 2],
            renewed_by: None,
            ended: HashSet::new(),
            followed: 0,
            written_after: HashSet::new(),
            lines: Vec::new(),
        };
        run.poll(0);
        run.poll(1);
        run
    }

    pub(crate) fn report(&self, index: RequestIndex) -> Report {
        self.reports[index].lock().unwrap().clone()
    }

    pub(crate) fn is_done(&self, index: RequestIndex) -> bool {
        self.requests[index].is_none()
    }

    pub(crate) fn are_both_done(&self) -> bool {
        self.is_done(0) && self.is_done(1)
    }

    pub(crate) fn perform(&mut self, step: Step) -> Result<(), Violation> {
        if self.lines.len() == MAX_STEPS {
            return Err(Invariant::Ends.violated(format!("no end after {MAX_STEPS} steps")));
        }
        match step {
            Step::Send(index, course) => self.send(index, course)?,
            Step::Answer(index) => self.answer(index)?,
            Step::Leave(index) => {
                self.failed = Some(index);
                self.lines.push(Line::new(step, "", None));
                self.histories
                    .note(index, "leave", self.setup.clock_millis());
                self.leave(index);
            }
            Step::Cancel(index) => {
                self.failed = Some(index);
                self.lines.push(Line::new(step, "", None));
                self.histories
                    .note(index, "cancel", self.setup.clock_millis());
                self.cancel(index);
            }
            Step::Land => self.land()?,
            Step::Recover(index, recovery) => {
                self.lines.push(Line::new(step, "", None));
                self.histories
                    .note(index, recovery, self.setup.clock_millis());
                self.setup.store.controls().stops[index] = Stop::Recovered(recovery);
                self.poll(index);
            }
            Step::Follow => {
                self.lines.push(Line::new(step, "", None));
                self.follow()?;
            }
        }
        self.poll_woken();
        self.check_progress()
    }

    pub(crate) fn leave(&mut self, index: RequestIndex) {
        self.requests[index] = None;
        self.second_half[index] = None;
        self.setup.store.controls().stops[index] = Stop::Nowhere;
        self.histories.left_queue(index);
    }

    pub(crate) fn cancel(&mut self, index: RequestIndex) {
        self.second_half[index] = None;
        self.setup.store.controls().stops[index] = Stop::Cancelled;
        self.poll(index);
    }

    pub(crate) fn poll(&mut self, index: RequestIndex) {
        let Some(request) = &mut self.requests[index] else {
            return;
        };
        self.wakers[index].0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.wakers[index]));
        self.setup.store.controls().running = Some(index);
        let polled = request.as_mut().poll(&mut Context::from_waker(&waker));
        let mut controls = self.setup.store.controls();
        controls.running = None;
        if polled.is_ready() {
            self.requests[index] = None;
            self.histories.left_queue(index);
        } else {
            match controls.stops[index].is_storing() {
                Some(true) => self.histories.joined_queue(index),
                Some(false) => self.histories.left_queue(index),
                None => {}
            }
        }
        let now = self.setup.store.clock().now();
        let expired = controls
            .model
            .entries
            .iter()
            .filter(|(_, entry)| entry.ends_at <= now);
        self.ended.extend(expired.map(|(id, _)| id.clone()));
    }

    /// Polls the requests that wait for another one, if that has woken them.
    fn poll_woken(&mut self) {
        for index in [0, 1] {
            let waits = matches!(self.setup.store.controls().stops[index], Stop::Nowhere);
            if waits && self.wakers[index].0.load(Ordering::Relaxed) {
                self.poll(index);
            }
        }
    }

    /// While a request is not done, something can happen to it.
    fn check_progress(&self) -> Result<(), Violation> {
        let controls = self.setup.store.controls();
        let waits = |index: RequestIndex| {
            !self.is_done(index) && matches!(controls.stops[index], Stop::Nowhere)
        };
        let stands = |index: RequestIndex| waits(index) || self.is_done(index);
        if stands(0) && stands(1) && !self.are_both_done() {
            return Err(Invariant::Ends.violated("a request waits for nothing"));
        }
        Ok(())
    }
}
