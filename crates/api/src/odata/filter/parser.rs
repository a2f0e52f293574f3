//! The grammar of a filter.

use flowruns_domain::{Condition, MAX_LISTED_VALUES, Operator};

use super::{
    MAX_DEPTH, MAX_TERMS, Malformed, Model, Parsed, advice, joined,
    model::{Literal, Question},
    token::{Placed, Token},
};

/// What is still to be read, and how much was.
pub(super) struct Parser<'t> {
    tokens: &'t [Placed],
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
    /// A parser of a filter that ends at this byte.
    pub(super) const fn new(tokens: &'t [Placed], end: usize) -> Self {
        Self {
            tokens,
            end,
            depth: 0,
            terms: 0,
            listed: 0,
        }
    }

    /// The condition that the tokens make, all of them.
    pub(super) fn whole<M: Model>(mut self) -> Parsed<Condition<M::Term>> {
        let condition = self.either::<M>()?;
        match self.tokens.first() {
            None => Ok(condition),
            Some(_) => Err(self.expected("and, or, or the end")),
        }
    }

    fn either<M: Model>(&mut self) -> Parsed<Condition<M::Term>> {
        let mut parts = vec![self.all::<M>()?];
        while self.take_word("or") {
            parts.push(self.all::<M>()?);
        }
        Ok(joined(parts, Condition::Or))
    }

    fn all<M: Model>(&mut self) -> Parsed<Condition<M::Term>> {
        let mut parts = vec![self.one::<M>()?];
        while self.take_word("and") {
            parts.push(self.one::<M>()?);
        }
        Ok(joined(parts, Condition::And))
    }

    fn one<M: Model>(&mut self) -> Parsed<Condition<M::Term>> {
        if self.take_word("not") {
            self.deepen()?;
            let inner = self.one::<M>()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(inner)));
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

    fn term<M: Model>(&mut self) -> Parsed<Condition<M::Term>> {
        let at = self.at();
        let named = |message| Malformed { at, message };
        let function = match self.tokens {
            [
                Placed {
                    token: Token::Word(word),
                    ..
                },
                Placed {
                    token: Token::Open, ..
                },
                ..,
            ] => Some(word.clone()),
            _ => None,
        };
        if let Some(function) = function {
            let (property, question) = self.call(&function)?;
            let term = M::term(&property, question).map_err(named)?;
            return self.compared_with_truth(Condition::Is(term));
        }
        let (property, question) = self.comparison()?;
        M::term(&property, question)
            .map(Condition::Is)
            .map_err(named)
    }

    /// `startswith(displayName,'x')`
    fn call(&mut self, function: &str) -> Parsed<(String, Question)> {
        let ask = match function.to_ascii_lowercase().as_str() {
            "startswith" => Question::StartsWith,
            "endswith" => Question::EndsWith,
            "contains" => Question::Contains,
            _ => return Err(self.wrong(advice::function(function))),
        };
        self.tokens = &self.tokens[2..];
        let property = self.property()?;
        self.demand(&Token::Comma, ",")?;
        let at = self.at();
        let Literal::Text(text) = self.literal()? else {
            let message = format!("{function} takes a string in quotes");
            return Err(Malformed { at, message });
        };
        self.demand(&Token::Close, ")")?;
        Ok((property, ask(text)))
    }

    /// `… eq true` and its like after a function.
    fn compared_with_truth<T>(&mut self, condition: Condition<T>) -> Parsed<Condition<T>> {
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
            false => Condition::Not(Box::new(condition)),
        })
    }

    fn comparison(&mut self) -> Parsed<(String, Question)> {
        let left = self.operand()?;
        if let Operand::Property(property) = &left
            && self.take_word("in")
        {
            return Ok((property.clone(), Question::In(self.literals()?)));
        }
        let operator = Operator::ALL
            .into_iter()
            .find(|operator| self.take_word(operator.as_str()))
            .ok_or_else(|| self.expected("eq, ne, gt, ge, lt, le or in"))?;
        let at = self.at();
        match (left, self.operand()?) {
            (Operand::Property(property), Operand::Literal(value)) => {
                Ok((property, Question::Compare(operator, value)))
            }
            (Operand::Literal(value), Operand::Property(property)) => {
                Ok((property, Question::Compare(operator.exchanged(), value)))
            }
            (Operand::Property(property), Operand::Property(name)) => {
                let message = advice::word(&property, &name);
                Err(Malformed { at, message })
            }
            (Operand::Literal(_), Operand::Literal(_)) => {
                let message = "compare a value with a property".to_owned();
                Err(Malformed { at, message })
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
        match self.tokens {
            [
                Placed {
                    token: Token::Word(word),
                    ..
                },
                Placed {
                    token: Token::Open, ..
                },
                ..,
            ] => Err(self.wrong(advice::function(word))),
            [
                Placed {
                    token: Token::Word(word),
                    ..
                },
                Placed {
                    token: Token::Text(text),
                    ..
                },
                ..,
            ] if let Some(message) = advice::typed_literal(word, text) => Err(self.wrong(message)),
            [
                Placed {
                    token: Token::Word(word),
                    ..
                },
                rest @ ..,
            ] if !word.eq_ignore_ascii_case(NULL) && !is_text(rest.first(), word) => {
                self.property().map(Operand::Property)
            }
            _ => self.literal().map(Operand::Literal),
        }
    }

    fn property(&mut self) -> Parsed<String> {
        let [
            Placed {
                token: Token::Word(word),
                ..
            },
            rest @ ..,
        ] = self.tokens
        else {
            return Err(self.expected("a property"));
        };
        self.tokens = rest;
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
        let (literal, length) = match self.tokens {
            [
                Placed {
                    token: Token::Word(word),
                    ..
                },
                Placed {
                    token: Token::Text(text),
                    ..
                },
                ..,
            ] if word.contains('.') => (Literal::Text(text.clone()), 2),
            [
                Placed {
                    token: Token::Word(word),
                    ..
                },
                ..,
            ] if word.eq_ignore_ascii_case(NULL) => (Literal::Null, 1),
            [
                Placed {
                    token: Token::Text(text),
                    ..
                },
                ..,
            ] => (Literal::Text(text.clone()), 1),
            [
                Placed {
                    token: Token::Time(time),
                    ..
                },
                ..,
            ] => (Literal::Time(*time), 1),
            [
                Placed {
                    token: Token::Number(number),
                    ..
                },
                ..,
            ] => return Err(self.wrong(advice::number(number))),
            [
                Placed {
                    token: Token::Word(word),
                    ..
                },
                ..,
            ] if advice::is_no_finite_number(word) => return Err(self.wrong(advice::number(word))),
            _ => {
                return Err(self.expected(
                    "a value: 'text' in quotes, a time such as 2026-03-01T08:30:00Z without quotes, or null",
                ));
            }
        };
        self.tokens = &self.tokens[length..];
        Ok(literal)
    }

    fn deepen(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong(format!("nested deeper than {MAX_DEPTH}; write it flatter")));
        }
        Ok(())
    }

    fn take(&mut self, token: &Token) -> bool {
        match self.tokens {
            [first, rest @ ..] if first.token == *token => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    /// Operators are known in any case.
    fn take_word(&mut self, word: &str) -> bool {
        match self.tokens {
            [
                Placed {
                    token: Token::Word(found),
                    ..
                },
                rest @ ..,
            ] if found.eq_ignore_ascii_case(word) => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn demand(&mut self, token: &Token, shown: &str) -> Parsed<()> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.expected(shown))
        }
    }

    fn at(&self) -> usize {
        self.tokens.first().map_or(self.end, |placed| placed.at)
    }

    fn expected(&self, what: &str) -> Malformed {
        let found = match self.tokens.first() {
            None => "the end of the filter".to_owned(),
            Some(placed) => placed.token.shown(),
        };
        self.wrong(format!("expected {what}; found {found}"))
    }

    fn wrong(&self, message: String) -> Malformed {
        Malformed {
            at: self.at(),
            message,
        }
    }
}

/// Whether a word is the type of the text that follows it.
fn is_text(next: Option<&Placed>, word: &str) -> bool {
    word.contains('.')
        && matches!(
            next,
            Some(Placed {
                token: Token::Text(_),
                ..
            })
        )
}
