//! The commands that the README promises.

/// The commands a newcomer copies, each on a line of its own. `.ci/run` reads the second from there and runs it.
const COMMANDS: &[&str] = &["cargo run -p sessile-demo", "cargo xtask test"];

/// Says what is wrong with the README, if anything.
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
    fn both_commands_on_lines_of_their_own_are_fine() {
        let readme = "# x\n```sh\ncargo run -p sessile-demo\n```\n\n```sh\ncargo xtask test\n```\n";

        assert_eq!(check(readme), Ok(()));
    }

    #[test]
    fn a_command_in_a_sentence_is_not_one_to_copy() {
        let readme = "cargo run -p sessile-demo\nRun `cargo xtask test`.\n";

        assert_eq!(
            check(readme),
            Err("README.md has no line `cargo xtask test`".into())
        );
    }
}
