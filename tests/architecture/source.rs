//! Source files, taken apart just far enough to ask what their code names and what their strings say.

use std::fs;
use std::path::Path;

/// A source file. Comments belong to neither part.
pub(crate) struct Source {
    /// Relative to the workspace.
    pub(crate) path: String,
    /// The code, with every string empty.
    pub(crate) code: String,
    /// The strings, as written.
    pub(crate) strings: Vec<String>,
}

/// Every source file below a directory of the workspace, without its tests.
pub(crate) fn sources(directory: &str) -> Vec<Source> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut ahead = vec![workspace.join(directory)];
    let mut sources = Vec::new();
    while let Some(path) = ahead.pop() {
        if path.is_dir() && !path.ends_with("tests") {
            let entries = fs::read_dir(&path).expect("a readable directory");
            ahead.extend(entries.map(|entry| entry.expect("a readable entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let name = path.strip_prefix(workspace).expect("a path in the workspace").display().to_string();
            let text = fs::read_to_string(&path).expect("a readable file");
            sources.push(Source::parse(name, without_tests(&text)));
        }
    }
    assert!(!sources.is_empty(), "there are no sources in {directory}");
    sources
}

/// A file up to its tests, which must be its last item: what came after them would not be looked at.
fn without_tests(text: &str) -> &str {
    let Some((before, tests)) = text.split_once("\n#[cfg(test)]\nmod tests {\n") else { return text };
    assert!(tests.find("\n}\n").is_some_and(|end| end + 3 == tests.len()), "something comes after the tests:\n{tests}");
    before
}

impl Source {
    pub(crate) fn parse(path: String, text: &str) -> Self {
        let mut source = Self { path, code: String::new(), strings: Vec::new() };
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            rest = match next {
                '/' if rest.starts_with("//") => &rest[rest.find('\n').unwrap_or(rest.len())..],
                '/' if rest.starts_with("/*") => &rest[rest.find("*/").map_or(rest.len(), |end| end + 2)..],
                '"' => source.string(rest),
                '\'' if char_literal(rest) > 0 => &rest[char_literal(rest)..],
                _ => {
                    source.code.push(next);
                    &rest[next.len_utf8()..]
                }
            };
        }
        source
    }

    /// Takes a string off the rest, which begins with its opening quote.
    fn string<'t>(&mut self, rest: &'t str) -> &'t str {
        let hashes = self.code.len() - self.code.trim_end_matches('#').len();
        let before = self.code.trim_end_matches('#').trim_end_matches(['b', 'c']);
        let body = &rest[1..];
        let end = if before.ends_with('r') {
            body.find(&format!("\"{}", "#".repeat(hashes)))
        } else {
            let mut escaped = false;
            body.find(|character| {
                let ends = character == '"' && !escaped;
                escaped = character == '\\' && !escaped;
                ends
            })
        };
        let end = end.expect("every string ends");
        self.strings.push(body[..end].to_owned());
        self.code.push_str("\"\"");
        &body[end + 1..]
    }

    /// The code's words, in order.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.code.split(|character: char| !is_word(character)).filter(|word| !word.is_empty())
    }

    /// What the code declares as statics: names with types.
    pub(crate) fn statics(&self) -> impl Iterator<Item = &str> {
        let keywords = self
            .code
            .match_indices("static ")
            .filter(|(start, _)| !self.code[..*start].ends_with(|before: char| before == '\'' || is_word(before)));
        keywords.filter_map(|(start, keyword)| self.code[start + keyword.len()..].split(['=', ';']).next())
    }

    /// What the code names directly below a crate or module: of `entity::{User, migrate::run}`, `User` and `migrate`.
    /// One that gets another name (`entity as data`) shows as itself, one that is swallowed whole (`entity::*`) as
    /// `*`.
    pub(crate) fn named_below(&self, module: &str) -> Vec<String> {
        let code = self.code.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ::", "::").replace(":: ", "::");
        let places = code.match_indices(module).map(|(start, _)| code.split_at(start));
        let words = places.filter(|(before, _)| !before.ends_with(is_word));
        let rests = words.map(|(_, word)| &word[module.len()..]);
        let named = rests.flat_map(|rest| match rest.strip_prefix("::") {
            Some(below) => names(below),
            None if rest.starts_with(" as ") => vec![module.to_owned()],
            None => Vec::new(),
        });
        named.collect()
    }
}

/// The first names of a path or of each of a list of paths.
fn names(path: &str) -> Vec<String> {
    let first = |path: &str| path.chars().take_while(|next| is_word(*next) || *next == '*').collect::<String>();
    let Some(list) = path.strip_prefix('{') else { return vec![first(path)] };
    let mut depth = 0;
    let is_inside = |character: &char| {
        depth += i32::from(*character == '{') - i32::from(*character == '}');
        depth >= 0
    };
    let list: String = list.chars().take_while(is_inside).collect();
    let mut depth = 0;
    let top = list.split(|character| {
        depth += i32::from(character == '{') - i32::from(character == '}');
        depth == 0 && character == ','
    });
    top.map(|path| first(path.trim())).collect()
}

/// How long the character literal is that the text begins with; 0 if it begins with a lifetime.
fn char_literal(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    let closing = match characters.next() {
        Some((_, '\\')) => characters.by_ref().skip(1).find(|(_, character)| *character == '\''),
        _ => characters.next().filter(|(_, character)| *character == '\''),
    };
    closing.map_or(0, |(place, _)| place + 1)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[test]
fn a_source_is_taken_apart() {
    let text = r##"
        /* "no" */ let a: &'static str = "one // \" two"; // 'no'
        let b = (r#"three "four""#, b"five", '"', '\'', b'\\');
        use entity::{migrate::{run, status}, User};
        entity::open(); use entity as data; my_entity::Other; entity_of(); static C: Cell<u8> = Cell::new(1);
    "##;
    let source = Source::parse(String::new(), text);
    assert_eq!(source.strings, [r#"one // \" two"#, r#"three "four""#, "five"]);
    assert_eq!(source.named_below("entity"), ["migrate", "User", "open", "entity"]);
    assert!(source.words().any(|word| word == "static") && source.words().all(|word| word != "no"));
    assert_eq!(source.statics().collect::<Vec<_>>(), ["C: Cell<u8> "]);
}
