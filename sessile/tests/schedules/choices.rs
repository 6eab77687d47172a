//! Which steps can be next.

use crate::{
    model::{Defect, Operation},
    programs::Program,
    run::Run,
    step::{Course, Step},
    stepped_store::{Recovery, RequestIndex, Stop},
};

impl Run<'_> {
    /// The steps that can be next.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(index) = self.first_to_answer() {
            self.steps_of(index, &mut steps);
            return steps;
        }
        for index in [0, 1] {
            self.steps_of(index, &mut steps);
        }
        let is_over = self.are_both_done() && self.followed == 2;
        if self.are_both_done() && !is_over {
            steps.push(Step::Follow);
        }
        if self.late.is_some() {
            steps.push(Step::Land);
        }
        steps
    }

    /// The request whose answer can come first without leaving out an order: what a request does with an answer
    /// concerns the other one only if they share a server or the clock moves.
    fn first_to_answer(&self) -> Option<RequestIndex> {
        let controls = self.setup.store.controls();
        if self.setup.share_a_server()
            || self.moves_clock(0)
            || self.moves_clock(1)
            || controls.model.has(Defect::UpdateInTwoSteps)
        {
            return None;
        }
        let is_answered =
            |index: &RequestIndex| matches!(controls.stops[*index], Stop::Answered(..));
        [0, 1].into_iter().find(is_answered)
    }

    /// Whether the request will move the clock.
    fn moves_clock(&self, index: RequestIndex) -> bool {
        let is_before = || self.reports[index].lock().unwrap().changes.is_empty();
        let program = self.programs[index];
        matches!(program, Program::Idle | Program::Expiry) && !self.is_done(index) && is_before()
    }

    fn steps_of(&self, index: RequestIndex, steps: &mut Vec<Step>) {
        let controls = self.setup.store.controls();
        // Of two requests that do the same it does not matter which one fails.
        let is_other = index == 1 && self.programs[0] == self.programs[1];
        let can_fail = self.failed.is_none() && !is_other;
        let shares = self.setup.share_a_server();
        let can_cancel = can_fail && !shares && controls.can_cancel[index];
        match &controls.stops[index] {
            Stop::Sent(operation) => {
                let courses = Course::all(operation).iter().filter(|course| {
                    (can_fail || !course.is_failure())
                        && (can_cancel || !course.is_cancellation())
                        && (!shares || course.concerns_queue())
                });
                steps.extend(courses.map(|course| Step::Send(index, *course)));
            }
            Stop::Answered(operation, _) => {
                steps.push(Step::Answer(index));
                if !matches!(operation, Operation::Load(_)) {
                    steps.extend(can_fail.then_some(Step::Leave(index)));
                    steps.extend(can_cancel.then_some(Step::Cancel(index)));
                }
            }
            Stop::Recovering => {
                let recoveries = match shares {
                    // The others do not concern the queue.
                    true => &[Recovery::Save][..],
                    false => &[Recovery::Commit, Recovery::Save, Recovery::Reload],
                };
                steps.extend(
                    recoveries
                        .iter()
                        .map(|recovery| Step::Recover(index, *recovery)),
                );
            }
            Stop::Nowhere if !self.is_done(index) => {
                steps.extend(can_fail.then_some(Step::Leave(index)));
                steps.extend(can_cancel.then_some(Step::Cancel(index)));
            }
            Stop::Nowhere | Stop::Released(_) | Stop::Cancelled | Stop::Recovered(_) => {}
        }
    }
}
