//! The grammar of a filter.

use flowruns_domain::query::{Filter, MAX_LISTED_VALUES, Operator};

use super::{
    MAX_DEPTH, MAX_TERMS, MalformedFilter, Model, Parsed, advice, joined,
    model::{Literal, PropertyTest},
    token::{Token, TokenAt},
};

/// The tokens that are not parsed yet, and the counts that are limited.
pub(super) struct Parser<'t> {
    tokens: &'t [TokenAt],
    end: usize,
    depth: usize,
    terms: usize,
    listed: usize,
}

const NULL: &str = "null";

/// A side of a comparison.
enum Operand {
    Property(String),
    Literal(Literal),
}

impl<'t> Parser<'t> {
    /// A parser of a filter of this length, in bytes.
    pub(super) const fn new(tokens: &'t [TokenAt], end: usize) -> Self {
        Self { tokens, end, depth: 0, terms: 0, listed: 0 }
    }

    /// The condition of all tokens.
    pub(super) fn whole<M: Model>(mut self) -> Parsed<Filter<M::Term>> {
        let condition = self.either::<M>()?;
        match self.peek() {
            None => Ok(condition),
            Some(_) => Err(self.expected("and, or, or the end")),
        }
    }

    fn either<M: Model>(&mut self) -> Parsed<Filter<M::Term>> {
        let mut parts = vec![self.all::<M>()?];
        while self.take_word("or") {
            parts.push(self.all::<M>()?);
        }
        Ok(joined(parts, Filter::Or))
    }

    fn all<M: Model>(&mut self) -> Parsed<Filter<M::Term>> {
        let mut parts = vec![self.one::<M>()?];
        while self.take_word("and") {
            parts.push(self.one::<M>()?);
        }
        Ok(joined(parts, Filter::And))
    }

    fn one<M: Model>(&mut self) -> Parsed<Filter<M::Term>> {
        if self.take_word("not") {
            self.deepen()?;
            let inner = self.one::<M>()?;
            self.depth -= 1;
            return Ok(Filter::Not(Box::new(inner)));
        }
        if self.take(&Token::Open) {
            self.deepen()?;
            let inner = self.either::<M>()?;
            self.depth -= 1;
            self.demand(&Token::Close, ")")?;
            return Ok(inner);
        }
        self.term::<M>()
    }

    fn term<M: Model>(&mut self) -> Parsed<Filter<M::Term>> {
        let at = self.at();
        let named = |message| MalformedFilter { at, message };
        if let [Some(Token::Word(function)), Some(Token::Open)] = self.peek_two() {
            let (property, test) = self.call(function)?;
            let term = M::term(&property, test).map_err(named)?;
            return self.compared_with_truth(Filter::Predicate(term));
        }
        let (property, test) = self.comparison()?;
        M::term(&property, test).map(Filter::Predicate).map_err(named)
    }

    /// `startswith(displayName,'x')`
    fn call(&mut self, function: &str) -> Parsed<(String, PropertyTest)> {
        let ask = match function.to_ascii_lowercase().as_str() {
            "startswith" => PropertyTest::StartsWith,
            "endswith" => PropertyTest::EndsWith,
            "contains" => PropertyTest::Contains,
            _ => return Err(self.wrong(advice::function(function))),
        };
        self.skip(2);
        let property = self.property()?;
        self.demand(&Token::Comma, ",")?;
        let at = self.at();
        let Literal::Text(text) = self.literal()? else {
            let message = format!("{function} takes a string in quotes");
            return Err(MalformedFilter { at, message });
        };
        self.demand(&Token::Close, ")")?;
        Ok((property, ask(text)))
    }

    /// Parses `eq true` and similar comparisons after a function.
    fn compared_with_truth<T>(&mut self, condition: Filter<T>) -> Parsed<Filter<T>> {
        let equal = if self.take_word("eq") {
            true
        } else if self.take_word("ne") {
            false
        } else {
            return Ok(condition);
        };
        let truth = if self.take_word("true") {
            true
        } else if self.take_word("false") {
            false
        } else {
            return Err(self.expected("true or false"));
        };
        Ok(match equal == truth {
            true => condition,
            false => Filter::Not(Box::new(condition)),
        })
    }

    fn comparison(&mut self) -> Parsed<(String, PropertyTest)> {
        let left = self.operand()?;
        if let Operand::Property(property) = &left
            && self.take_word("in")
        {
            return Ok((property.clone(), PropertyTest::In(self.literals()?)));
        }
        let operator = Operator::ALL
            .into_iter()
            .find(|operator| self.take_word(operator.as_str()))
            .ok_or_else(|| self.expected("eq, ne, gt, ge, lt, le or in"))?;
        let at = self.at();
        match (left, self.operand()?) {
            (Operand::Property(property), Operand::Literal(value)) => {
                Ok((property, PropertyTest::Compare(operator, value)))
            }
            (Operand::Literal(value), Operand::Property(property)) => {
                Ok((property, PropertyTest::Compare(operator.exchanged(), value)))
            }
            (Operand::Property(property), Operand::Property(name)) => {
                let message = advice::word(&property, &name);
                Err(MalformedFilter { at, message })
            }
            (Operand::Literal(_), Operand::Literal(_)) => {
                let message = "compare a value with a property".to_owned();
                Err(MalformedFilter { at, message })
            }
        }
    }

    /// `('a','b')`
    fn literals(&mut self) -> Parsed<Vec<Literal>> {
        self.demand(&Token::Open, "(")?;
        let mut values = vec![self.literal()?];
        while self.take(&Token::Comma) {
            self.listed += 1;
            if self.listed >= MAX_LISTED_VALUES {
                let message = format!(
                    "over {MAX_LISTED_VALUES} values in lists; send the others in another request"
                );
                return Err(self.wrong(message));
            }
            values.push(self.value()?);
        }
        self.demand(&Token::Close, ")")?;
        Ok(values)
    }

    fn operand(&mut self) -> Parsed<Operand> {
        match self.peek_two() {
            [Some(Token::Word(word)), Some(Token::Open)] => Err(self.wrong(advice::function(word))),
            [Some(Token::Word(word)), Some(Token::Text(text))]
                if let Some(message) = advice::typed_literal(word, text) =>
            {
                Err(self.wrong(message))
            }
            [Some(Token::Word(word)), next]
                if !word.eq_ignore_ascii_case(NULL) && !is_type_of(word, next) =>
            {
                self.property().map(Operand::Property)
            }
            _ => self.literal().map(Operand::Literal),
        }
    }

    fn property(&mut self) -> Parsed<String> {
        let Some(Token::Word(word)) = self.peek() else {
            return Err(self.expected("a property"));
        };
        self.skip(1);
        Ok(word.clone())
    }

    /// A string, a time, null, or a member of an enumeration with its type in front.
    fn literal(&mut self) -> Parsed<Literal> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(self.wrong(format!("over {MAX_TERMS} values; ask for less at once")));
        }
        self.value()
    }

    fn value(&mut self) -> Parsed<Literal> {
        let (literal, length) = match self.peek_two() {
            [Some(Token::Word(word)), next @ Some(Token::Text(text))] if is_type_of(word, next) => {
                (Literal::Text(text.clone()), 2)
            }
            [Some(Token::Word(word)), _] if word.eq_ignore_ascii_case(NULL) => (Literal::Null, 1),
            [Some(Token::Text(text)), _] => (Literal::Text(text.clone()), 1),
            [Some(Token::Time(time)), _] => (Literal::Time(*time), 1),
            [Some(Token::Number(number)), _] => return Err(self.wrong(advice::number(number))),
            [Some(Token::Word(word)), _] if advice::is_no_finite_number(word) => {
                return Err(self.wrong(advice::number(word)));
            }
            _ => {
                return Err(self.expected(
                    "a value: 'text' in quotes, a time such as 2026-03-01T08:30:00Z without quotes, or null",
                ));
            }
        };
        self.skip(length);
        Ok(literal)
    }

    fn deepen(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong(format!("nested deeper than {MAX_DEPTH}; write it flatter")));
        }
        Ok(())
    }

    fn peek(&self) -> Option<&'t Token> {
        self.tokens.first().map(|next| &next.token)
    }

    fn peek_two(&self) -> [Option<&'t Token>; 2] {
        [self.peek(), self.tokens.get(1).map(|next| &next.token)]
    }

    fn skip(&mut self, count: usize) {
        self.tokens = self.tokens.get(count..).unwrap_or_default();
    }

    /// Skips the next token if it is this one.
    fn take(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        if is_next {
            self.skip(1);
        }
        is_next
    }

    /// Skips the next token if it is this word, in any case.
    fn take_word(&mut self, word: &str) -> bool {
        let is_next =
            matches!(self.peek(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        if is_next {
            self.skip(1);
        }
        is_next
    }

    fn demand(&mut self, token: &Token, shown: &str) -> Parsed<()> {
        if self.take(token) { Ok(()) } else { Err(self.expected(shown)) }
    }

    fn at(&self) -> usize {
        self.tokens.first().map_or(self.end, |next| next.at)
    }

    fn expected(&self, what: &str) -> MalformedFilter {
        let found = self.peek().map(Token::shown);
        let found = found.unwrap_or_else(|| "the end of the filter".to_owned());
        self.wrong(format!("expected {what}; found {found}"))
    }

    fn wrong(&self, message: String) -> MalformedFilter {
        MalformedFilter { at: self.at(), message }
    }
}

/// Whether a word is the type of the text after it.
fn is_type_of(word: &str, next: Option<&Token>) -> bool {
    word.contains('.') && matches!(next, Some(Token::Text(_)))
}
