//! The tokens of a filter, each with its position.

use flowruns_domain::{text::excerpt, timestamp::Timestamp};
use winnow::{
    Parser as _,
    ascii::multispace0,
    combinator::{alt, delimited, not, opt, repeat, terminated},
    error::{ContextError, ErrMode, ParserError},
    token::{none_of, one_of, take_while},
};

use super::{MalformedFilter, advice};

/// A token of a filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    /// A property, an operator, a function, null, or the name of a type.
    Word(String),
    /// The text within quotes.
    Text(String),
    Time(Timestamp),
    Number(String),
}

impl Token {
    /// The token as a message quotes it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
            Self::Comma => "a comma".to_owned(),
            Self::Word(text) | Self::Number(text) => excerpt(text).into_owned(),
            Self::Text(text) => format!("the string '{}'", excerpt(text)),
            Self::Time(time) => format!("the time {time}"),
        }
    }
}

/// A token and the byte at which it begins.
#[derive(Clone, Debug)]
pub(super) struct TokenAt {
    pub(super) at: usize,
    pub(super) token: Token,
}

type Scan<T> = Result<T, ErrMode<ContextError>>;

/// Splits a filter into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<TokenAt>, MalformedFilter> {
    let mut rest = text;
    let mut tokens = Vec::new();
    loop {
        let blank: Scan<&str> = multispace0.parse_next(&mut rest);
        let at = text.len() - rest.len();
        if blank.is_err() || rest.is_empty() {
            return Ok(tokens);
        }
        let message = |message: String| MalformedFilter { at, message };
        if let Some(id) = bare_id(&text[at..]) {
            return Err(message(advice::unquoted_id(id)));
        }
        let token = token(&mut rest).map_err(|_| message(advice::unreadable(&text[at..])))?;
        if matches!(&token, Token::Text(text) if text.contains('\0')) {
            return Err(message("U+0000 is in no value".to_owned()));
        }
        tokens.push(TokenAt { at, token });
    }
}

fn token(rest: &mut &str) -> Scan<Token> {
    alt((
        '('.value(Token::Open),
        ')'.value(Token::Close),
        ','.value(Token::Comma),
        quoted.map(Token::Text),
        word.map(|word: &str| Token::Word(word.to_owned())),
        number.map(|number: &str| Token::Number(number.to_owned())),
        time.map(Token::Time),
    ))
    .parse_next(rest)
}

/// A string; a quote inside is doubled.
fn quoted(rest: &mut &str) -> Scan<String> {
    let character = alt(("''".value('\''), none_of('\'')));
    delimited('\'', repeat(0.., character), '\'').parse_next(rest)
}

fn word<'t>(rest: &mut &'t str) -> Scan<&'t str> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let other = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    (take_while(1, first), take_while(0.., other)).take().parse_next(rest)
}

fn time(rest: &mut &str) -> Scan<Timestamp> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | ':' | '.');
    let text: &str = take_while(1.., part).parse_next(rest)?;
    text.parse().map_err(|_| ErrMode::Cut(ContextError::from_input(rest)))
}

/// A number, with the suffix that OData 2 has for its type.
fn number<'t>(rest: &mut &'t str) -> Scan<&'t str> {
    let digits = || take_while(1.., |c: char| c.is_ascii_digit());
    let suffix = take_while(0..=1, |c: char| c.is_ascii_alphabetic());
    let number = (opt('-'), digits(), opt(('.', digits())), suffix).take();
    terminated(
        number,
        not(one_of(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | ':' | '.'))),
    )
    .parse_next(rest)
}

/// The UUID without quotes that a text begins with.
fn bare_id(text: &str) -> Option<&str> {
    const HYPHENATED_LENGTH: usize = 36;
    let id = text.get(..HYPHENATED_LENGTH)?;
    let is_whole = !text[HYPHENATED_LENGTH..].starts_with(|c: char| c.is_ascii_alphanumeric());
    (is_whole && uuid::Uuid::try_parse(id).is_ok()).then_some(id)
}
