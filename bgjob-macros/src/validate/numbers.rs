//! Number literals: ranges, and defaults within them.

use std::cmp::Ordering;

use proc_macro2::Literal;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitInt, RangeLimits, UnOp};

use crate::hygiene;
use crate::model::Bound;
use crate::problem::{Problem, Problems};
use crate::syntax::options::{Slot, Value};
use crate::syntax::shown::shown;

/// The bounds of a `range`.
#[derive(Default)]
pub struct Range {
    /// Inclusive.
    pub minimum: Option<Expr>,
    /// Inclusive or not.
    pub maximum: Option<Bound>,
}

/// `range = 1..=10`, with at least one bound.
pub fn range(slot: &Slot, problems: &Problems) -> Range {
    let Value::Given(Expr::Range(given)) = &slot.value else {
        problems.report(slot, Problem::NotARange);
        return Range::default();
    };
    if given.start.is_none() && given.end.is_none() {
        problems.report(slot, Problem::NotARange);
    }
    let bound = |expr: &Expr| match given.limits {
        RangeLimits::Closed(_) => Bound::Inclusive(expr.clone()),
        RangeLimits::HalfOpen(_) => Bound::Exclusive(expr.clone()),
    };
    let range = Range {
        minimum: given.start.as_deref().cloned(),
        maximum: given.end.as_deref().map(bound),
    };
    if let Some(start) = &range.minimum
        && range.is_below(start)
    {
        let given = shown(given);
        problems.report(slot, Problem::EmptyRange { given });
    }
    range
}

impl Range {
    /// Whether a literal is known to lie outside. Other expressions are checked when the program starts.
    pub fn excludes(&self, expr: &Expr) -> bool {
        let below = self.minimum.as_ref().map(|bound| order(expr, bound));
        below.flatten() == Some(Ordering::Less) || self.is_below(expr)
    }

    /// Whether the upper bound is known to exclude a literal.
    fn is_below(&self, expr: &Expr) -> bool {
        match &self.maximum {
            Some(Bound::Inclusive(bound)) => order(expr, bound) == Some(Ordering::Greater),
            Some(Bound::Exclusive(bound)) => {
                matches!(
                    order(expr, bound),
                    Some(Ordering::Greater | Ordering::Equal)
                )
            }
            None => false,
        }
    }

    /// The bounds as they are emitted.
    pub fn widened(self) -> Range {
        let maximum = self.maximum.map(|bound| match bound {
            Bound::Inclusive(expr) => Bound::Inclusive(widened(expr)),
            Bound::Exclusive(expr) => Bound::Exclusive(widened(expr)),
        });
        Range {
            minimum: self.minimum.map(widened),
            maximum,
        }
    }
}

/// The decimal digits of an integer literal, with its sign.
pub fn digits(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Int(int), ..
        }) => Some(int.base10_digits().to_owned()),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => digits(expr).map(|digits| format!("-{digits}")),
        Expr::Group(group) => digits(&group.expr),
        _ => None,
    }
}

/// An integer literal with a type that holds it: without one the compiler takes `i32`, which knows nothing of the
/// argument's type, and refuses larger numbers.
pub fn widened(expr: Expr) -> Expr {
    let fits = |digits: String| digits.parse::<i64>().is_ok();
    let suffix = match digits(&expr) {
        Some(number) if fits(number.clone()) => "i64",
        Some(_) => "u64",
        None => return expr,
    };
    suffixed(expr, suffix)
}

fn suffixed(mut expr: Expr, suffix: &str) -> Expr {
    match &mut expr {
        Expr::Lit(ExprLit {
            lit: Lit::Int(int), ..
        }) if int.suffix().is_empty() => {
            if let Ok(mut literal) = format!("{int}{suffix}").parse::<Literal>() {
                literal.set_span(hygiene::span_at(int));
                *int = LitInt::from(literal);
            }
        }
        Expr::Unary(ExprUnary { expr: inner, .. }) => {
            **inner = suffixed((**inner).clone(), suffix);
        }
        _ => {}
    }
    expr
}

fn order(one: &Expr, other: &Expr) -> Option<Ordering> {
    let integer = |expr| digits(expr).and_then(|digits| digits.parse::<i128>().ok());
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => float(one)?.partial_cmp(&float(other)?),
    }
}

fn float(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Float(float),
            ..
        }) => float.base10_parse().ok(),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => float(expr).map(|number| -number),
        other => digits(other)?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;

    fn excludes(minimum: Option<Expr>, maximum: Option<Bound>, expr: &Expr) -> bool {
        Range { minimum, maximum }.excludes(expr)
    }

    #[test]
    fn a_range_excludes_what_lies_outside() {
        let one: Expr = parse_quote!(1);
        let ten = || -> Expr { parse_quote!(10) };
        let inclusive = || Some(Bound::Inclusive(ten()));
        let exclusive = || Some(Bound::Exclusive(ten()));
        assert!(excludes(Some(one.clone()), None, &parse_quote!(-1)));
        assert!(excludes(
            Some(one.clone()),
            inclusive(),
            &parse_quote!(10.5)
        ));
        assert!(excludes(Some(one.clone()), exclusive(), &ten()));
        assert!(!excludes(Some(one.clone()), inclusive(), &ten()));
        assert!(!excludes(Some(one), inclusive(), &parse_quote!(DEFAULT)));
    }

    #[test]
    fn whole_numbers_get_a_type_that_holds_them() {
        let widen = |expr: Expr| widened(expr).to_token_stream().to_string();
        assert_eq!(widen(parse_quote!(3_650)), "3_650i64");
        assert_eq!(widen(parse_quote!(-5)), "- 5i64");
        assert_eq!(widen(parse_quote!(0xFF)), "0xFFi64");
        assert_eq!(
            widen(parse_quote!(18446744073709551615)),
            "18446744073709551615u64"
        );
        assert_eq!(widen(parse_quote!(5u8)), "5u8");
        assert_eq!(widen(parse_quote!(0.5)), "0.5");
        assert_eq!(widen(parse_quote!(MAX)), "MAX");
    }
}
