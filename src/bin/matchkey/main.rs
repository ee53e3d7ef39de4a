//! The binary: customer lists in, match keys out; and the audience service around it.
//!
//! In: arguments and files. Out: keys, rejects and reports where they are asked for, a word to
//! the person on stderr, and an exit code: 0 done, 1 the input was refused, 2 wrong usage, 130
//! interrupted. A closed pipe is no error.

#[cfg(feature = "service")]
mod account;
mod args;
mod blocks;
mod explain;
mod failure;
mod field;
mod hash;
mod input;
mod inspect;
mod layout;
mod pieces;
mod platforms;
mod progress;
mod report;
#[cfg(feature = "service")]
mod serve;
mod sheets;
mod target;
mod verdict;

use args::{Arguments, Command};
use clap::{CommandFactory, Parser};
use failure::{Failure, say};
use std::io::Write;
use std::process::ExitCode;
use target::Target;

/// Prints the completion script of a shell.
fn complete(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "matchkey", &mut script);
    let mut target = Target::stdout()?;
    target.write_all(&script).map_err(|error| target.failure(&error))?;
    target.finish()
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Hash(arguments) => hash::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Platforms { platforms } => platforms::run(&platforms),
        #[cfg(feature = "service")]
        Command::Serve(arguments) => serve::run(*arguments),
        #[cfg(feature = "service")]
        Command::Account(command) => account::account(&command),
        #[cfg(feature = "service")]
        Command::Key(command) => account::key(&command),
        Command::Completions { shell } => complete(shell),
    };
    match done {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Refused(text) | Failure::Unreadable(_, text)) => {
            say(&format!("matchkey: {text}"));
            ExitCode::from(1)
        }
        Err(Failure::Usage(text) | Failure::Unsupported(_, text)) => {
            say(&format!("matchkey: {text}"));
            ExitCode::from(2)
        }
    }
}
