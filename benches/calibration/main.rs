mod null;
mod outbreaks;
use std::time::Instant;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let reps: usize = args[2].parse().unwrap();
    let seed: u64 = args[3].parse().unwrap();
    let t = Instant::now();
    if args[1] == "o" {
        let all = outbreaks::run(reps, seed);
        println!("time {:?}", t.elapsed());
        for (d, name) in outbreaks::DETECTORS.iter().enumerate() {
            let p = outbreaks::performance(&all, d, 0.005f64.ln());
            println!(
                "{name:14} nominal .005: fpr {:.4} pod {:.3} first {:.3} by k {:.2?}",
                p.false_positive_rate, p.detected, p.detected_at_once, p.by_size
            );
            for rate in [0.004, 0.012] {
                let th = outbreaks::threshold_at(&all, d, rate);
                let p = outbreaks::performance(&all, d, th);
                println!(
                    "     at {rate}: p<={:.5} fpr {:.4} pod {:.3} first {:.3} by k {:.2?}",
                    th.exp(),
                    p.false_positive_rate,
                    p.detected,
                    p.detected_at_once,
                    p.by_size
                );
            }
        }
        let r = |rate: f64| {
            let f = |d| outbreaks::performance(&all, d, outbreaks::threshold_at(&all, d, rate)).detected;
            f(0) / f(1)
        };
        println!("ratio .4% {:.3}  1.2% {:.3}", r(0.004), r(0.012));
        for s in 0..28 {
            let some: Vec<_> = all.iter().filter(|j| j.scenario == s).cloned().collect();
            let a = outbreaks::performance(&some, 0, outbreaks::threshold_at(&all, 0, 0.004));
            let o = outbreaks::performance(&some, 1, outbreaks::threshold_at(&all, 1, 0.004));
            println!(
                "{s:2} ours fpr {:.4} pod {:.3}   oracle {:.4} {:.3}",
                a.false_positive_rate, a.detected, o.false_positive_rate, o.detected
            );
        }
    } else {
        for g in null::Generator::ALL {
            let by = null::calibrate(g, reps, seed);
            let p = null::pooled(&by);
            println!("{g:?} {:?} hours {}", t.elapsed(), p.hours);
            for (d, n) in ["up", "down", "two"].iter().enumerate() {
                println!(
                    "  {n:5} {:.2} {:.2} {:.2}   by rate 1e-2 {:.2?}  1e-3 {:.2?}",
                    p.ratio(d, 0),
                    p.ratio(d, 1),
                    p.ratio(d, 2),
                    by.iter().map(|b| b.ratio(d, 0)).collect::<Vec<_>>(),
                    by.iter().map(|b| b.ratio(d, 1)).collect::<Vec<_>>()
                );
            }
        }
    }
}
