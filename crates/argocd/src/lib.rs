//! The slice of Argo CD that promotions touch: types, authorization, update plan, health. Decisions only.
