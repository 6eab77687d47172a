//! "Twenty at once" in the browser.

use sessile_rig::Chromedriver;

use super::Browser;
use crate::site::Site;

#[tokio::test]
async fn sessile_keeps_all_writes_and_the_other_store_loses_some() {
    let (site, driver) = (Site::start(), Chromedriver::start().unwrap());
    let browser = Browser::open(&driver).await;
    // There is no earlier page, so the runs themselves have to begin the sessions.
    browser.goto(&site.at("/parallel")).await;
    for _ in 0..2 {
        browser.run_races().await;
        let merging = browser.text("[data-race='/merging'] .result").await;
        assert!(
            merging.contains("The counter is at 20\n20 of 20 acknowledged"),
            "{merging}"
        );
        assert!(merging.ends_with("none lost"), "{merging}");
        assert_eq!(browser.all("[data-race='/merging'] .open").await.len(), 20);

        let overwriting = browser.text("[data-race='/overwriting'] .result").await;
        assert!(
            overwriting.contains("20 of 20 acknowledged"),
            "{overwriting}"
        );
        let kept = browser.all("[data-race='/overwriting'] .open").await.len();
        let lost = browser.all("[data-race='/overwriting'] .lost").await.len();
        assert_eq!(kept + lost, 20);
        assert!((1..20).contains(&kept), "{overwriting}");
        assert!(
            overwriting.ends_with(&format!("{lost} lost")),
            "{overwriting}"
        );
        assert!(
            overwriting.contains(&format!("The counter is at {kept}\n")),
            "{overwriting}"
        );
    }
}

impl Browser {
    /// Starts the runs of the page, and waits for both.
    pub(super) async fn run_races(&self) {
        self.click("#start").await;
        self.find("[data-race='/merging']:is([data-state='won'], [data-state='failed'])")
            .await;
        self.find("[data-race='/overwriting']:is([data-state='won'], [data-state='failed'])")
            .await;
    }
}
