//! `--aws-rate`, and which of AWS's limits a call counts against. Pure.

use std::fmt;
use std::str::FromStr;

/// What AWS counts separately, for each account and Region. Source: "Function configuration, deployment and execution" of
/// Lambda's quotas, <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Budget {
    /// Every other call of the control plane: AWS allows 15 a second for all together.
    ControlPlane,
    /// AWS allows 15 a second.
    GetPolicy,
    /// AWS allows 100 a second.
    GetFunction,
}

impl Budget {
    /// All of them.
    pub const ALL: [Budget; 3] = [Budget::ControlPlane, Budget::GetPolicy, Budget::GetFunction];

    /// The budget of an operation, as `lambda:GetPolicy`.
    pub fn of(operation: &str) -> Self {
        match operation {
            "lambda:GetPolicy" => Budget::GetPolicy,
            "lambda:GetFunction" => Budget::GetFunction,
            _ => Budget::ControlPlane,
        }
    }

    /// Its name in `--aws-rate` and as a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Budget::ControlPlane => "control-plane",
            Budget::GetPolicy => "get-policy",
            Budget::GetFunction => "get-function",
        }
    }
}

/// How many requests a second we take at most, of each budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwsRate {
    control_plane: u32,
    get_policy: u32,
    get_function: u32,
}

/// What stands in `--aws-rate` where it isn't given: two thirds of AWS's limits and less, since others call AWS, too.
pub(super) const DEFAULT: &str = "control-plane=10,get-policy=10,get-function=50";
/// More is nothing that AWS or an emulator answers.
const MOST: u32 = 10_000;

impl Default for AwsRate {
    fn default() -> Self {
        Self { control_plane: 10, get_policy: 10, get_function: 50 }
    }
}

impl AwsRate {
    /// Requests a second.
    pub fn of(&self, budget: Budget) -> u32 {
        match budget {
            Budget::ControlPlane => self.control_plane,
            Budget::GetPolicy => self.get_policy,
            Budget::GetFunction => self.get_function,
        }
    }
}

impl fmt::Display for AwsRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { control_plane, get_policy, get_function } = self;
        write!(f, "control-plane={control_plane},get-policy={get_policy},get-function={get_function}")
    }
}

/// Why a text is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRate {
    /// Not `NAME=NUMBER`.
    #[error("{0:?} is not NAME=NUMBER: give {DEFAULT}, or some of it")]
    Form(String),
    /// An unknown name.
    #[error("{0:?} is none of control-plane, get-policy, get-function")]
    Name(String),
    /// The same twice.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// Not a whole number from 1 to 10,000.
    #[error("{name} must be from 1 to {MOST} requests a second, in whole numbers, not {value:?}")]
    Number {
        /// Whose.
        name: &'static str,
        /// What was given.
        value: String,
    },
}

impl FromStr for AwsRate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        let mut rate = Self::default();
        let mut given = Vec::new();
        for part in text.split(',') {
            let (name, value) = part.trim().split_once('=').ok_or_else(|| NoRate::Form(part.to_owned()))?;
            let budget = Budget::ALL.into_iter().find(|budget| budget.as_str() == name);
            let budget = budget.ok_or_else(|| NoRate::Name(name.to_owned()))?;
            if given.contains(&budget) {
                return Err(NoRate::Twice(budget.as_str()));
            }
            given.push(budget);
            let number = value.parse().ok().filter(|number| (1..=MOST).contains(number));
            let number = number.ok_or_else(|| NoRate::Number { name: budget.as_str(), value: value.to_owned() })?;
            match budget {
                Budget::ControlPlane => rate.control_plane = number,
                Budget::GetPolicy => rate.get_policy = number,
                Budget::GetFunction => rate.get_function = number,
            }
        }
        Ok(rate)
    }
}

#[cfg(test)]
mod tests;
