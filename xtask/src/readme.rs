//! The commands in the README.

/// The commands that the README has, each on a separate line. `.ci/run` reads the second one and runs it.
const COMMANDS: &[&str] = &["cargo run -p sessile-demo", "cargo xtask test"];

/// Checks that the README has the commands. The error names missing ones.
pub(crate) fn check(readme: &str) -> Result<(), String> {
    let missing: Vec<_> = COMMANDS
        .iter()
        .filter(|&&command| !readme.lines().any(|line| line == command))
        .map(|command| format!("README.md has no line `{command}`"))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_commands_on_separate_lines_are_accepted() {
        let readme = "# x\n```sh\ncargo run -p sessile-demo\n```\n\n```sh\ncargo xtask test\n```\n";

        assert_eq!(check(readme), Ok(()));
    }

    #[test]
    fn a_command_in_a_sentence_does_not_count() {
        let readme = "cargo run -p sessile-demo\nRun `cargo xtask test`.\n";

        assert_eq!(
            check(readme),
            Err("README.md has no line `cargo xtask test`".into())
        );
    }
}
