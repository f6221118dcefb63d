//! What has to be read of each row to know which members it belongs to.

use crate::event::Column;
use crate::rollup::Family;

/// Position of each column in the batches that rows are numbered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Input {
    Recipient,
    Caller,
    Service,
    EventName,
    SourceIp,
    Region,
    IdentityType,
    PrincipalId,
    AccessKey,
    ErrorCode,
    ErrorMessage,
}

/// What has to be read of each row group: for every input the columns that can supply it, best first.
pub const INPUTS: [&[Column]; 11] = [
    &[Column::RecipientAccountId, Column::AccountId],
    &[Column::AccountId, Column::RecipientAccountId],
    &[Column::ServiceName, Column::EventSource],
    &[Column::EventName],
    &[Column::SourceIpAddress],
    &[Column::Region],
    &[Column::UserIdentityType],
    &[Column::PrincipalId, Column::UserName],
    &[Column::AccessKeyId],
    &[Column::ErrorCode],
    &[Column::ErrorMessage],
];

/// Columns to read, in the order of [`INPUTS`]; nothing in the place of one that is not needed.
pub(super) type Inputs = [&'static [Column]; INPUTS.len()];

/// What tells whether a row failed.
pub(super) const FAILURE: [Input; 2] = [Input::ErrorCode, Input::ErrorMessage];

/// What tells which member of a family a row belongs to.
pub(super) const fn inputs_of(family: Family) -> &'static [Input] {
    match family {
        Family::Api => &[Input::Recipient, Input::Service, Input::EventName],
        Family::ApiError => {
            &[Input::Recipient, Input::Service, Input::EventName, Input::ErrorCode, Input::ErrorMessage]
        }
        Family::SourceIp | Family::Network => &[Input::Recipient, Input::SourceIp],
        Family::AccessKey => &[Input::Caller, Input::AccessKey],
        Family::Principal => &[Input::Caller, Input::IdentityType, Input::PrincipalId],
        Family::Change => &[
            Input::Recipient,
            Input::Service,
            Input::EventName,
            Input::Caller,
            Input::IdentityType,
            Input::PrincipalId,
        ],
        Family::Region => &[Input::Recipient, Input::Region],
    }
}

/// The columns that the members of some families are told by, and whether their calls failed.
pub(super) fn inputs(families: &(impl Iterator<Item = Family> + Clone)) -> Inputs {
    let is_needed =
        |input: Input| FAILURE.contains(&input) || families.clone().any(|family| inputs_of(family).contains(&input));
    let mut inputs = INPUTS;
    for input in ALL.into_iter().filter(|&input| !is_needed(input)) {
        inputs[input as usize] = &[];
    }
    inputs
}

const ALL: [Input; INPUTS.len()] = [
    Input::Recipient,
    Input::Caller,
    Input::Service,
    Input::EventName,
    Input::SourceIp,
    Input::Region,
    Input::IdentityType,
    Input::PrincipalId,
    Input::AccessKey,
    Input::ErrorCode,
    Input::ErrorMessage,
];
