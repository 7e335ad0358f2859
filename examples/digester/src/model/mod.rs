//! The two-step model AM2: acids form, acids become methane.
//!
//! Bernard, Hadj-Sadok, Dochain, Genovesi and Steyer (2001), Dynamical model development and parameter identification for
//! an anaerobic wastewater treatment process, Biotechnology and Bioengineering 75(4):424-438, doi:10.1002/bit.10036.
//!
//! With D = flow / volume, the balances are
//!
//! ```text
//! dX1/dt = (mu1 - alpha D) X1                               acid formers
//! dX2/dt = (mu2 - alpha D) X2                               methane formers
//! dZ/dt  = D (Zin - Z)                                      alkalinity
//! dS1/dt = D (S1in - S1) - k1 mu1 X1                        degradable COD
//! dS2/dt = D (S2in - S2) + k2 mu1 X1 - k3 mu2 X2            volatile acids
//! dC/dt  = D (Cin - C) - qC + k4 mu1 X1 + k5 mu2 X2         inorganic carbon
//! mu1 = mu1max S1 / (KS1 + S1)
//! mu2 = mu2max S2 / (KS2 + S2 + S2^2 / KI2)
//! qM  = k6 mu2 X2                                           methane
//! qC  = kLa (CO2 - KH PC),  CO2 = C + S2 - Z                carbon dioxide
//! PC  = (phi - sqrt(phi^2 - 4 KH PT CO2)) / (2 KH),  phi = CO2 + KH PT + qM / kLa
//! ```
//!
//! One passive quantity is added: COD that bacteria cannot degrade, which only dilutes. The pH is read from the full
//! charge balance, see [`Parameters::ph`].

mod params;
mod rates;
mod record;
mod run;
mod state;
mod summary;

pub use params::Parameters;
pub use rates::Rates;
pub use record::Record;
pub use run::{Case, Checkpoint, Day, Plant, Run, Simulation, Totals, simulate};
pub use state::State;
pub use summary::{Balance, Flag, Range, Summary};
