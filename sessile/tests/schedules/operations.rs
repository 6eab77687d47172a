//! The outcomes of the operations that the requests sent.

use std::mem;

use sessile::{
    clock::Clock as _,
    record::Record,
    storage::{CreateOutcome, UpdateOutcome},
};

use crate::{
    model::{Answer, Defect, Operation},
    run::Run,
    step::{Course, Line, Step},
    stepped_store::{Controls, Failed, RequestIndex, Stop},
    violation::{Invariant, Violation},
};

impl Run<'_> {
    pub(crate) fn send(&mut self, index: RequestIndex, course: Course) -> Result<(), Violation> {
        let stop = mem::take(&mut self.setup.store.controls().stops[index]);
        let Stop::Sent(operation) = stop else {
            unreachable!("only an operation that was sent takes a course");
        };
        self.histories.label(index, &operation);
        if course.is_failure() {
            self.failed = Some(index);
        }
        let result = match course {
            Course::Answered if self.is_in_two_steps(&operation) => {
                Ok(self.first_half(index, &operation))
            }
            Course::Answered => Ok(self.effect(index, &operation)?),
            Course::LostRequest if self.pretends(&operation, Defect::LostRequestIsUpdated) => {
                Ok(Answer::Updated(UpdateOutcome::Updated))
            }
            Course::LostRequest | Course::LeftBefore | Course::CancelledBefore => {
                Err(Failed::MayHaveHappened)
            }
            Course::NotSent => Err(Failed::NotSent),
            Course::LostAnswer => {
                self.effect(index, &operation)?;
                self.lost_answer(&operation)
            }
            Course::Late | Course::LeftLate | Course::CancelledLate => {
                self.delay(index, &operation)?
            }
        };
        let answer = result.as_ref().ok();
        self.lines.push(Line::new(
            Step::Send(index, course),
            operation.name(),
            answer,
        ));
        self.histories.note_sent(
            index,
            course,
            &operation,
            &result,
            self.setup.clock_millis(),
        );
        match course {
            Course::LeftBefore | Course::LeftLate => self.leave(index),
            Course::CancelledBefore | Course::CancelledLate => self.cancel(index),
            _ => self.setup.store.controls().stops[index] = Stop::Answered(operation, result),
        }
        Ok(())
    }

    /// The result for a request whose answer was lost: an error, if the store is correct.
    fn lost_answer(&self, operation: &Operation) -> Result<Answer, Failed> {
        if self.pretends(operation, Defect::LostAnswerIsConflict) {
            return Ok(Answer::Updated(UpdateOutcome::Conflict));
        }
        if self.pretends(operation, Defect::LostAnswerIsMissing) {
            return Ok(Answer::Updated(UpdateOutcome::Missing));
        }
        Err(Failed::MayHaveHappened)
    }

    /// Whether the store has this defect, and it shows in this update.
    fn pretends(&self, operation: &Operation, defect: Defect) -> bool {
        matches!(operation, Operation::Update(..)) && self.setup.store.controls().model.has(defect)
    }

    /// Delays the operation. A broken client of a store sends it again in the meantime.
    fn delay(
        &mut self,
        index: RequestIndex,
        operation: &Operation,
    ) -> Result<Result<Answer, Failed>, Violation> {
        let defect = self.setup.store.controls().model.defect;
        match (defect, operation) {
            (Some(Defect::CreateSentAgain | Defect::CreateOverwrites), Operation::Create(..)) => {
                let answer = self.effect(index, operation)?;
                self.late = Some((index, operation.clone()));
                Ok(Ok(answer))
            }
            (Some(Defect::UpdateRepeatedBlindly), Operation::Update(id, _, write)) => {
                let answer = self.effect(index, operation)?;
                self.late = Some((index, Operation::Put(id.clone(), write.clone())));
                Ok(Ok(answer))
            }
            _ => {
                self.late = Some((index, operation.clone()));
                Ok(Err(Failed::MayHaveHappened))
            }
        }
    }

    fn is_in_two_steps(&self, operation: &Operation) -> bool {
        self.pretends(operation, Defect::UpdateInTwoSteps)
    }

    /// Only checks the version, as a store does that is not atomic.
    fn first_half(&mut self, index: RequestIndex, operation: &Operation) -> Answer {
        let Operation::Update(id, expected, write) = operation else {
            unreachable!("only updates have two steps");
        };
        let controls = self.setup.store.controls();
        let now = self.setup.store.clock().now();
        let outcome = controls.model.check_update(id, *expected, write, now);
        if outcome == UpdateOutcome::Updated {
            self.second_half[index] = Some(Operation::Put(id.clone(), write.clone()));
        }
        Answer::Updated(outcome)
    }

    pub(crate) fn answer(&mut self, index: RequestIndex) -> Result<(), Violation> {
        if let Some(second) = self.second_half[index].take() {
            self.effect(index, &second)?;
        }
        let stop = mem::take(&mut self.setup.store.controls().stops[index]);
        let Stop::Answered(operation, result) = stop else {
            unreachable!("only an operation that has an answer is answered");
        };
        self.lines
            .push(Line::new(Step::Answer(index), operation.name(), None));
        self.histories
            .note_answered(index, &result, self.setup.clock_millis());
        self.setup.store.controls().stops[index] = Stop::Released(result);
        self.poll(index);
        Ok(())
    }

    pub(crate) fn land(&mut self) -> Result<(), Violation> {
        let Some((index, operation)) = self.late.take() else {
            unreachable!("only an operation that is late lands");
        };
        let answer = self.effect(index, &operation)?;
        self.lines
            .push(Line::new(Step::Land, operation.name(), Some(&answer)));
        Ok(())
    }

    /// Has the store perform the operation, and checks that no request stores under a key that was replaced.
    fn effect(&mut self, index: RequestIndex, operation: &Operation) -> Result<Answer, Violation> {
        let now = self.setup.store.clock().now();
        let is_renewed =
            self.programs.iter().any(|it| it.renews()) && operation.id() == Some(&self.setup.id);
        let mut controls = self.setup.store.controls();
        let epoch = |controls: &Controls| {
            let entry = controls.model.entries.get(operation.id()?);
            entry.map(|entry| (entry.version, epoch(&entry.record)))
        };
        let before = if is_renewed { epoch(&controls) } else { None };
        let answer = controls.model.apply(operation, now);
        self.has_stored[index] |= matches!(
            answer,
            Answer::Created(CreateOutcome::Created) | Answer::Updated(UpdateOutcome::Updated)
        );
        let after = if is_renewed { epoch(&controls) } else { None };
        if let (Some(before), Some(after)) = (before, after)
            && before.0 != after.0
        {
            if self
                .renewed_by
                .is_some_and(|renewed_by| renewed_by != index)
            {
                let what = "a request that presented the old key stored into the renewed session";
                return Err(Invariant::OldKey.violated(what));
            }
            if before.1 != after.1 {
                self.renewed_by = Some(index);
            }
        }
        Ok(answer)
    }
}

/// The epoch of a record: the number that a renewal draws.
fn epoch(record: &Record) -> String {
    let text = record.encode();
    let (_, rest) = text.split_once(r#""p":"#).unwrap_or_default();
    rest.split(',').next().unwrap_or_default().to_owned()
}
