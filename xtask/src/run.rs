//! Running other programs, and their failures.

use std::{
    env, fmt, io,
    path::Path,
    process::{Command, ExitCode, ExitStatus},
};

/// The folder of the workspace.
pub(crate) fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// A command of the cargo that runs this program, in the workspace's folder.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace());
    command
}

/// Runs a command until it ends. It inherits the terminal.
pub(crate) fn run(mut command: Command) -> Result<(), Failure> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Exit(line(&command), status)),
        Err(error) => Err(Failure::Start(line(&command), error)),
    }
}

/// Runs a command until it ends, and returns its standard output.
pub(crate) fn output(mut command: Command) -> Result<String, Failure> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| Failure::Start(line(&command), error))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Failure::Exit(line(&command), output.status))
    }
}

/// The failure of a task.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A command could not be started.
    Start(String, io::Error),
    /// A command failed.
    Exit(String, ExitStatus),
    /// A check of this program failed.
    Check(String),
}

impl Failure {
    /// The exit code of the command that failed, so that `cargo xtask test` has the exit code of `cargo test`.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let code = match self {
            Failure::Exit(_, status) => status.code().and_then(|code| u8::try_from(code).ok()),
            Failure::Start(..) | Failure::Check(_) => None,
        };
        ExitCode::from(code.unwrap_or(1))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Start(command, error) => write!(f, "can't run `{command}`: {error}"),
            Failure::Exit(command, status) => write!(f, "`{command}` failed ({status})"),
            Failure::Check(complaint) => f.write_str(complaint),
        }
    }
}

/// The command as a line for a shell.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_has_the_command_and_its_exit_code() {
        let failure = run(shell("exit 101")).unwrap_err();

        assert_eq!(failure.exit_code(), ExitCode::from(101));
        assert_eq!(
            failure.to_string(),
            "`sh -c exit 101` failed (exit status: 101)"
        );
    }

    #[test]
    fn a_missing_program_is_a_failure() {
        let failure = run(Command::new("/no/such/program")).unwrap_err();

        assert_eq!(failure.exit_code(), ExitCode::from(1));
        assert!(
            failure.to_string().starts_with("can't run `program`: "),
            "{failure}"
        );
    }

    #[test]
    fn output_is_the_standard_output() {
        assert_eq!(output(shell("echo one")).unwrap(), "one\n");
    }
}
