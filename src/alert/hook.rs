//! The program that is told: it is started without a shell, and gets the notices as JSON on its standard input.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::alert::notice::Notice;
use crate::error::{Error, Result};

/// How long the program may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// Starts the program and hands it the notices, an array of JSON. Nothing is started for no notices.
///
/// # Errors
/// [`Error::Notify`] when it cannot be started, fails, or does not end in a minute.
pub fn tell(command: &[String], notices: &[Notice]) -> Result<()> {
    tell_within(command, notices, PATIENCE)
}

fn tell_within(command: &[String], notices: &[Notice], patience: Duration) -> Result<()> {
    let Some((program, arguments)) = command.split_first().filter(|_| !notices.is_empty()) else { return Ok(()) };
    let failed = |message: String| Error::Notify { program: program.clone(), message };
    let text = serde_json::to_vec(notices).map_err(Error::internal)?;
    let mut started = Command::new(program);
    started.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    let begin = Instant::now();
    let mut child = started.spawn().map_err(|error| failed(format!("cannot be started: {error}")))?;
    let input = child.stdin.take();
    // A program that does not read must not hold us up, so somebody else writes.
    let writer = std::thread::spawn(move || input.map_or(Ok(()), |mut input| input.write_all(&text)));
    let status = wait(&mut child, begin, patience).map_err(|error| failed(error.to_string()))?;
    match status {
        None => Err(failed(format!("did not end within {} s and was stopped", patience.as_secs()))),
        Some(status) if !status.success() => Err(failed(format!("failed: {status}"))),
        // Whoever ends well without reading everything has read enough; one that it leaves behind may still read, but not for ever.
        Some(_) => {
            while !writer.is_finished() && begin.elapsed() < patience {
                std::thread::sleep(PAUSE);
            }
            Ok(())
        }
    }
}

fn wait(child: &mut Child, begin: Instant, patience: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    while begin.elapsed() < patience {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(PAUSE);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Status;
    use crate::alert::example::alert;

    fn command(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn notice() -> Notice {
        Notice { at: chrono::DateTime::default(), status: Status::Firing, alert: alert() }
    }

    #[test]
    fn the_program_gets_the_notices() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("told.json");
        tell(&command(&["tee", path.to_str().unwrap()]), &[notice()]).unwrap();
        let told: Vec<Notice> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(told, [notice()]);
    }

    #[test]
    fn what_goes_wrong_is_named() {
        let message = |words: &[&str]| tell(&command(words), &[notice()]).unwrap_err().to_string();
        assert!(message(&["no-such-program"]).contains("`no-such-program` cannot be started"));
        assert!(message(&["false"]).contains("`false` failed: exit status: 1"));
        let slow = tell_within(&command(&["sleep", "9"]), &[notice()], Duration::from_millis(50)).unwrap_err();
        assert!(slow.to_string().contains("did not end within 0 s"));
    }

    #[test]
    fn one_that_is_left_behind_and_does_not_read_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let ended = folder.path().join("ended");
        // More than a pipe holds, and a child that keeps it open.
        let script = format!("exec 3<&0; (sleep 20; touch '{}') <&3 & exit 0", ended.display());
        tell_within(&command(&["sh", "-c", &script]), &vec![notice(); 1_000], Duration::from_secs(2)).unwrap();
        assert!(!ended.exists(), "it was waited for");
    }

    #[test]
    fn nobody_is_bothered_for_nothing() {
        tell(&command(&["no-such-program"]), &[]).unwrap();
        tell(&[], &[notice()]).unwrap();
        tell(&command(&["true"]), &vec![notice(); 1_000]).unwrap();
    }
}
