//! The progress bar. In: the counters. Out: rows, bytes, rate and time left on stderr when it is a
//! terminal, nothing when it is not.

use crate::failure::grouped;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// A progress bar, or nothing.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// `bytes`: of all inputs together, where that is known.
    pub(crate) fn start(bytes: Option<u64>, is_quiet: bool) -> Progress {
        if is_quiet || !std::io::stderr().is_terminal() {
            return Progress(None);
        }
        let (bar, template) = match bytes {
            Some(bytes) => (
                ProgressBar::new(bytes),
                "{bar:30} {percent:>3} %  {msg} rows  {bytes} of {total_bytes}  \
                 {bytes_per_sec}  {eta} left",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{spinner} {msg} rows  {bytes}  {bytes_per_sec}  {elapsed}",
            ),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress(Some(bar))
    }

    pub(crate) fn show(&self, bytes: u64, rows: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(bytes);
            bar.set_message(grouped(rows));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
