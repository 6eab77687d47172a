//! [`Step`]: what can happen next, and its text form.

use std::fmt;

use crate::{
    model::{Answer, Operation},
    stepped_store::{Recovery, RequestIndex},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The store performs the operation that a request sent, or fails to.
    Send(RequestIndex, Course),
    /// The request gets the answer to its operation.
    Answer(RequestIndex),
    /// The client disconnects: the request is dropped, after the effect of its operation or while it waits.
    Leave(RequestIndex),
    /// The handler drops its save, after the effect of its operation or while it waits.
    Cancel(RequestIndex),
    /// The late operation takes effect.
    Land,
    Recover(RequestIndex, Recovery),
    /// Another request follows the two: first one that writes, then one that signs out.
    Follow,
}

/// The outcome of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Course {
    /// It takes effect, and is answered.
    Answered,
    /// It has no effect, and the request gets an error.
    LostRequest,
    /// The same, and the error says that it has no effect.
    NotSent,
    /// It takes effect, and the request gets an error.
    LostAnswer,
    /// The request gets an error, and the operation takes effect at any later time.
    Late,
    /// The client disconnects, and the operation has no effect.
    LeftBefore,
    /// The client disconnects, and the operation takes effect at any later time.
    LeftLate,
    /// The handler drops its save, and the operation has no effect.
    CancelledBefore,
    /// The handler drops its save, and the operation takes effect at any later time.
    CancelledLate,
}

impl Course {
    /// The courses that an operation can take.
    ///
    /// A load has no effect, so a failure before it is a failure after it.
    pub(crate) fn all(operation: &Operation) -> &'static [Self] {
        match operation {
            Operation::Load(_) => &[
                Self::Answered,
                Self::LostRequest,
                Self::LeftBefore,
                Self::CancelledBefore,
            ],
            _ => &[
                Self::Answered,
                Self::LostRequest,
                Self::NotSent,
                Self::LostAnswer,
                Self::Late,
                Self::LeftBefore,
                Self::LeftLate,
                Self::CancelledBefore,
                Self::CancelledLate,
            ],
        }
    }

    /// Whether the request does not wait for the answer.
    pub(crate) fn abandons_the_answer(self) -> bool {
        matches!(self, Self::LeftBefore | Self::LeftLate) || self.is_cancellation()
    }

    pub(crate) fn is_cancellation(self) -> bool {
        matches!(self, Self::CancelledBefore | Self::CancelledLate)
    }

    /// Whether it concerns the queue in which requests of one server merge. The other outcomes are tested on two
    /// servers.
    pub(crate) fn concerns_queue(self) -> bool {
        matches!(
            self,
            Self::Answered
                | Self::LostRequest
                | Self::LostAnswer
                | Self::Late
                | Self::LeftBefore
                | Self::LeftLate
        )
    }

    pub(crate) fn is_failure(self) -> bool {
        self != Self::Answered
    }
}

/// A step that was performed.
pub(crate) struct Line {
    step: Step,
    operation: &'static str,
    answer: Option<String>,
}

impl Line {
    pub(crate) fn new(step: Step, operation: &'static str, answer: Option<&Answer>) -> Self {
        Self {
            step,
            operation,
            answer: answer.map(|answer| match answer {
                Answer::Loaded(None) => "nothing".to_owned(),
                Answer::Loaded(Some(_)) => "a record".to_owned(),
                Answer::Created(outcome) => format!("{outcome:?}"),
                Answer::Updated(outcome) => format!("{outcome:?}"),
                Answer::Deleted => "deleted".to_owned(),
                Answer::Ended(_) => "ended".to_owned(),
            }),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |index: RequestIndex| ["A", "B"][index];
        let (operation, answer) = (self.operation, self.answer.as_deref().unwrap_or("an error"));
        match self.step {
            Step::Send(index, course) => {
                let what = match course {
                    Course::Answered => "takes effect",
                    Course::LostRequest => "is lost",
                    Course::NotSent => "is not sent",
                    Course::LostAnswer => "takes effect, its answer is lost",
                    Course::Late => "is late",
                    Course::LeftBefore => "is not sent, since the client leaves",
                    Course::LeftLate => "is late, and the client leaves",
                    Course::CancelledBefore => "is not sent, since the save is cancelled",
                    Course::CancelledLate => "is late, and the save is cancelled",
                };
                write!(f, "{}: {operation} {what} ({answer})", name(index))
            }
            Step::Answer(index) => write!(f, "{}: {operation} answered", name(index)),
            Step::Leave(index) => write!(f, "{}: the client leaves", name(index)),
            Step::Cancel(index) => write!(f, "{}: the save is cancelled", name(index)),
            Step::Land => write!(f, "the late {operation} takes effect ({answer})"),
            Step::Recover(index, recovery) => {
                write!(f, "{}: the save failed, next is {recovery:?}", name(index))
            }
            Step::Follow => f.write_str("another request follows"),
        }
    }
}
