'use strict';
(() => {
  const all = (selector, under = document) => Array.from(under.querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);
  // Other pages than a night's have no tools.
  const [tools, search, severity, type, folder, state, shown] =
    ['tools', 'search', 'severity', 'type', 'events', 'state', 'shown'].map(byId);
  const findings = all('.finding');
  const incidents = all('.incident');
  const texts = new Map();

  // The words of a finding are gathered when they are first searched.
  const text = (finding) => {
    if (!texts.has(finding)) texts.set(finding, finding.textContent.toLowerCase());
    return texts.get(finding);
  };

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const least = Number(severity.value);
    let count = 0;
    for (const finding of findings) {
      const fits = Number(finding.dataset.severity) >= least
        && (!type.value || finding.dataset.type === type.value)
        && words.every((word) => text(finding).includes(word));
      finding.hidden = !fits;
      count += fits ? 1 : 0;
    }
    for (const incident of incidents) incident.hidden = all('.finding', incident).every((finding) => finding.hidden);
    for (const note of all('.no-match')) note.hidden = incidents.length === 0 || incidents.some((incident) => !incident.hidden);
    shown.textContent = `${count} of ${findings.length} shown`;
  };

  // A link to a finding opens it, and whatever filter hides it is given up.
  const open = () => {
    const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (tools && (target.hidden || target.closest('[hidden]'))) { tools.reset(); filter(); }
    for (let own = target; own; own = own.parentElement) if (own.tagName === 'DETAILS') own.open = true;
    target.scrollIntoView();
  };

  const quoted = (word) => /^[\w./:@%+~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  const commands = all('.command code').map((code) => [code, code.textContent]);
  const name = () => {
    const events = quoted(folder.value.trim() || 'EVENTS');
    const kept = quoted(state.value.trim() || 'STATE');
    for (const [code, command] of commands) {
      code.textContent = command.replace(' EVENTS', () => ` ${events}`).replace(/ --state STATE$/, () => ` --state ${kept}`);
    }
  };

  const copied = (button, worked) => {
    button.textContent = worked ? 'Copied' : 'Select it';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  };
  const select = (code) => {
    const selection = getSelection();
    selection.selectAllChildren(code);
    return document.execCommand('copy');
  };
  const copy = (button) => {
    const code = button.previousElementSibling;
    if (!navigator.clipboard) return copied(button, select(code));
    navigator.clipboard.writeText(code.textContent).then(() => copied(button, true), () => copied(button, select(code)));
  };

  // An hour's numbers are said below its chart, to pointer, finger and arrow keys alike.
  const say = (rect) => {
    const chart = rect.closest('.chart');
    for (const other of all('.here', chart)) other.classList.remove('here');
    rect.classList.add('here');
    chart.querySelector('.reading').textContent = rect.textContent;
  };
  const step = (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -1e6, End: 1e6 };
    if (!(event.key in steps)) return;
    const hours = all('g rect', event.currentTarget);
    const here = hours.findIndex((rect) => rect.classList.contains('here'));
    const next = (here < 0 ? hours.length - 24 : here) + steps[event.key];
    say(hours[Math.max(0, Math.min(hours.length - 1, next))]);
    event.preventDefault();
  };

  for (const button of all('.copy')) { button.hidden = false; }
  document.addEventListener('click', (event) => {
    if (event.target.matches('.copy')) copy(event.target);
    if (event.target.matches('.hours g rect')) say(event.target);
  });
  document.addEventListener('pointerover', (event) => { if (event.target.matches('.hours g rect')) say(event.target); });
  for (const chart of all('.hours')) chart.addEventListener('keydown', step);
  if (tools) {
    for (const control of [search, severity, type]) control.addEventListener('input', filter);
    for (const control of [folder, state]) control.addEventListener('input', name);
    tools.addEventListener('submit', (event) => event.preventDefault());
    tools.hidden = false;
    filter();
  }

  let closed = [];
  addEventListener('beforeprint', () => { closed = all('details:not([open])'); for (const own of closed) own.open = true; });
  addEventListener('afterprint', () => { for (const own of closed) own.open = false; });
  addEventListener('hashchange', open);
  open();
})();
