//! The words that documentation, comments, messages and names of tests do not use.
//!
//! A sentence with one of them hides the actor. Name the actor instead: the request, the server, the caller.

use std::{fs, io, path::Path, process::Command};

use crate::run::{self, Failure, workspace};

/// The words, in lower case.
const WORDS: &[&str] = &[
    "anew",
    "anybody",
    "everybody",
    "nobody",
    "once more",
    "somebody",
    "whoever",
];

/// The extensions of the files that are checked.
const EXTENSIONS: &[&str] = &[
    "conf", "css", "html", "js", "lua", "md", "rs", "sh", "toml", "yml",
];

/// The file with the list itself, which is not checked.
const LIST: &str = "xtask/src/words.rs";

/// The account of the operating system, as a string literal. It is allowed.
const ACCOUNT: &str = "\"nobody\"";

/// The characters after which a sentence begins: punctuation, and the marks of comments, Markdown and HTML.
const BEFORE_SENTENCE: &[char] = &['.', '!', '?', '/', '#', '*', '-', '|', '>', '"'];

/// Checks all tracked files, and names each line that has one of the words.
pub(crate) fn check() -> Result<(), Failure> {
    let found = found()?;
    if found.is_empty() {
        Ok(())
    } else {
        let lines = found.join("\n  ");
        Err(Failure::Check(format!(
            "words that hide the actor of a sentence:\n  {lines}"
        )))
    }
}

/// The findings in all tracked files.
pub(crate) fn found() -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for path in tracked_files()?.lines().filter(|path| is_checked(path)) {
        match fs::read_to_string(workspace().join(path)) {
            Ok(text) => found.extend(findings(path, &text)),
            // The file was deleted and the deletion is not committed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::Check(format!("can't read {path}: {error}"))),
        }
    }
    Ok(found)
}

/// The paths of all tracked files, one per line.
fn tracked_files() -> Result<String, Failure> {
    let mut command = Command::new("git");
    // In a container, the files may belong to a user other than the one that runs the check.
    command
        .args(["-c", "safe.directory=*", "ls-files"])
        .current_dir(workspace());
    run::output(command)
}

fn is_checked(path: &str) -> bool {
    let extension = Path::new(path).extension().and_then(|it| it.to_str());
    path != LIST && extension.is_some_and(|it| EXTENSIONS.contains(&it))
}

/// The findings in the text of a file: `path:line: word`.
fn findings(path: &str, text: &str) -> Vec<String> {
    let mut lines = text.lines().enumerate().peekable();
    let mut found = Vec::new();
    while let Some((index, line)) = lines.next() {
        let next = lines.peek().map_or("", |(_, next)| next);
        let words = words_in(line, next);
        let relative = begins_with_relative(line).then_some("Who");
        let words = words.into_iter().chain(relative);
        found.extend(words.map(|word| format!("{path}:{}: {word}", index + 1)));
    }
    found
}

/// The words of the list that begin in `line`. One of two words may end in the line after it.
fn words_in(line: &str, next: &str) -> Vec<&'static str> {
    let line = line.trim_end();
    let next = next.trim_start().trim_start_matches(['/', '!', '#', '*']);
    let text = format!("{line} {}", next.trim_start())
        .to_ascii_lowercase()
        .replace('_', " ");
    WORDS
        .iter()
        .filter(|word| {
            text.match_indices(**word)
                .take_while(|(start, _)| *start < line.len())
                .any(|(start, word)| is_whole(&text, start, word) && !is_account(&text, start))
        })
        .copied()
        .collect()
}

fn is_whole(text: &str, start: usize, word: &str) -> bool {
    let (before, after) = (&text[..start], &text[start + word.len()..]);
    !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
}

/// Whether the word at `start` is the content of [`ACCOUNT`].
fn is_account(text: &str, start: usize) -> bool {
    let literal = start.checked_sub(1).and_then(|quote| text.get(quote..));
    literal.is_some_and(|it| it.starts_with(ACCOUNT))
}

/// Whether a sentence in the line begins with a relative "Who". In a line with a question mark, it may be a question.
fn begins_with_relative(line: &str) -> bool {
    let is_relative = |start: usize| {
        let before = line[..start].trim_end();
        let after = &line[start + "Who ".len()..];
        (before.is_empty() || before.ends_with(BEFORE_SENTENCE))
            && after.starts_with(|first: char| first.is_ascii_lowercase())
    };
    !line.contains('?')
        && line
            .match_indices("Who ")
            .any(|(start, _)| is_relative(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(text: &str) -> Vec<String> {
        findings("a", text)
    }

    #[test]
    fn each_word_is_found_with_its_line() {
        let text = "\
/// Nobody waits.
/// The server starts anew.
// Anybody may read it, and so may everybody else.
let x = \"once more\";
/// SOMEBODY renews it.

/// Whoever asks gets it.
";

        let expected = [
            "a:1: nobody",
            "a:2: anew",
            "a:3: anybody",
            "a:3: everybody",
            "a:4: once more",
            "a:5: somebody",
            "a:7: whoever",
        ];
        assert_eq!(found_in(text), expected);
    }

    #[test]
    fn a_word_is_found_in_a_name() {
        assert_eq!(found_in("fn it_lets_nobody_in() {"), ["a:1: nobody"]);
        assert_eq!(
            found_in("async fn it_runs_once_more() {"),
            ["a:1: once more"]
        );
        assert_eq!(found_in("let whoever = 1;"), ["a:1: whoever"]);
    }

    #[test]
    fn a_part_of_a_word_is_allowed() {
        for line in [
            "let manew = nobodyx;",
            "The renewed key",
            "Ask once, or more often.",
        ] {
            assert!(found_in(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn two_words_may_be_on_two_lines() {
        assert_eq!(
            found_in("/// It asks once\n    /// more."),
            ["a:1: once more"]
        );
        assert_eq!(found_in("It asks once\nmore."), ["a:1: once more"]);
        assert!(found_in("It asks once.\nMore is not needed.").is_empty());
    }

    #[test]
    fn a_line_with_a_word_twice_is_named_once() {
        assert_eq!(found_in("nobody, nobody"), ["a:1: nobody"]);
    }

    #[test]
    fn only_the_literal_of_the_account_is_allowed() {
        assert!(found_in(r#"const ACCOUNTS: &[&str] = &["mysql", "nobody"];"#).is_empty());
        assert_eq!(found_in(r#"panic!("nobody waits")"#), ["a:1: nobody"]);
        assert_eq!(found_in("the account `nobody`"), ["a:1: nobody"]);
        assert_eq!(found_in(r#"["nobody"] // nobody"#), ["a:1: nobody"]);
    }

    #[test]
    fn a_sentence_that_begins_with_a_relative_is_found() {
        for line in [
            "Who lost takes a turn.",
            "    /// Who is signed in: a `String`.",
            "//! Who runs on which core.",
            "// It waits. Who leads sends it.",
            "- Who leads sends it.",
            "# Who owns the file.",
            "<p>Who leads</p>",
        ] {
            assert_eq!(found_in(line), ["a:1: Who"], "{line}");
        }
    }

    #[test]
    fn questions_and_other_uses_are_allowed() {
        for line in [
            "Who leads?",
            "/// The request that leads.",
            "The user who leads",
            "the WHO list",
            "the band The Who plays",
            "Who Leads",
        ] {
            assert!(found_in(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn every_kind_of_text_file_is_checked() {
        for (path, text) in [
            ("sessile/src/lib.rs", "//! Nobody waits."),
            ("docs/architecture.md", "- **Nobody** waits."),
            ("Cargo.toml", "# Nobody waits."),
            ("demo/templates/home.html", "<p>Nobody waits.</p>"),
            ("demo/static/app.js", "// Nobody waits."),
            ("demo/static/style.css", "/* Nobody waits. */"),
            ("run.sh", "# Nobody waits."),
            ("rig/src/caching_proxy/nginx.conf", "# Nobody waits."),
            (".github/workflows/ci.yml", "# Nobody waits."),
            ("update.lua", "-- Nobody waits."),
        ] {
            assert!(is_checked(path), "{path}");
            assert_eq!(findings(path, text), [format!("{path}:1: nobody")]);
        }
    }

    #[test]
    fn the_list_and_other_files_are_not_checked() {
        for path in ["xtask/src/words.rs", "docs/demo.png", "Cargo.lock"] {
            assert!(!is_checked(path), "{path}");
        }
    }

    #[test]
    fn the_files_of_this_repository_are_listed() {
        let files = tracked_files().unwrap();

        for path in ["README.md", "sessile/src/lib.rs", "demo/static/idle.js"] {
            assert!(files.lines().any(|it| it == path), "{path}");
        }
    }
}
