// The docs page's list of routes: read from /openapi.json, each with a curl line to copy, those that only read with a try.

/** @typedef {any} Any */

const element = (tag = 'div', className = '', /** @type {Any} */ ...children) => {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
};
const code = (/** @type {string} */ text) => {
  const block = element('pre', '', element('code', '', text));
  block.tabIndex = 0;
  return block;
};
/** The longest answer that is shown, characters. */
const SHOWN = 4_000;

const list = /** @type {Any} */ (document.getElementById('routes'));
const response = await fetch('/openapi.json');
const openapi = await response.json();

/** What a reference of the document leads to. */
const held = (/** @type {Any} */ item) => item.$ref
  ? item.$ref.split('/').slice(1).reduce((/** @type {Any} */ at, /** @type {string} */ part) => at[part], openapi)
  : item;

/** The path with examples in its places, and in its query what is needed. */
function example(/** @type {string} */ path, /** @type {Any[]} */ parameters) {
  let filled = path;
  const query = [];
  for (const { in: place, name, required, example, schema } of parameters) {
    const value = example ?? schema?.enum?.[0] ?? '';
    if (place === 'path') filled = filled.replace(`{${name}}`, value);
    else if (place === 'query' && required) query.push(`${name}=${value}`);
  }
  return filled + (query.length ? `?${query.join('&')}` : '');
}

function curl(/** @type {string} */ method, /** @type {string} */ url, /** @type {Any} */ operation) {
  const words = ['curl'];
  if (method !== 'GET') words.push('-X', method);
  words.push(`'${url}'`);
  const security = operation.security ?? [];
  // `{}` among them: it may be asked without.
  if (security.length && security.every((/** @type {Any} */ one) => Object.keys(one).length)) words.push('-H', "'Authorization: Bearer KEY'");
  const body = operation.requestBody?.content['application/json'];
  if (body) words.push('-H', "'Content-Type: application/json'", '-d', `'${JSON.stringify(body.example)}'`);
  else if (operation.requestBody) words.push('--data-binary', '@payload');
  return words.join(' ');
}

/** A line with a button that copies it. */
function copyable(/** @type {string} */ text) {
  const button = /** @type {Any} */ (element('button', '', 'Copy'));
  button.type = 'button';
  button.onclick = async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  };
  return element('div', 'panel', code(text), button);
}

/** Asks it here and now. */
function tryOut(/** @type {string} */ path) {
  const input = /** @type {Any} */ (element('input'));
  input.value = path;
  input.size = 40;
  input.setAttribute('aria-label', 'Path to ask');
  const button = /** @type {Any} */ (element('button', '', 'Try'));
  button.type = 'submit';
  const answer = element('div');
  answer.setAttribute('aria-live', 'polite');
  const form = /** @type {Any} */ (element('form', 'panel', input, ' ', button));
  form.onsubmit = async (/** @type {Any} */ event) => {
    event.preventDefault();
    const response = await fetch(input.value);
    const text = await response.text();
    const pretty = text.startsWith('{') ? JSON.stringify(JSON.parse(text), null, 1) : text;
    answer.replaceChildren(element('p', '', `${response.status} ${response.statusText}`), code(pretty.slice(0, SHOWN)));
  };
  return element('div', '', form, answer);
}

for (const [path, item] of Object.entries(openapi.paths)) {
  for (const method of ['get', 'post', 'delete']) {
    const operation = item[method];
    if (!operation) continue;
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(held);
    const place = example(path, parameters);
    const [base] = item.servers ?? [{ url: location.origin }];
    const summary = element('summary', '', element('code', '', `${method.toUpperCase()} ${path}`), ` ${operation.summary}`);
    const parts = [summary];
    if (operation.description) parts.push(element('p', '', operation.description));
    if (parameters.length) {
      parts.push(element('ul', '', ...parameters.map(({ name, description = '', required }) =>
        element('li', '', element('code', '', name), ` ${description}${required ? ' (needed)' : ''}`))));
    }
    const codes = Object.entries(operation.responses).map(([status, said]) =>
      element('li', '', element('code', '', status), ` ${held(said).description}`));
    parts.push(element('ul', '', ...codes), copyable(curl(method.toUpperCase(), base.url + place, operation)));
    // What streams has no end, and what is on another listener is not for this page.
    if (method === 'get' && !item.servers && !/\/(ws|sse)$/.test(path)) parts.push(tryOut(place));
    list.append(element('details', '', ...parts));
  }
}

export {}; // a module, for those who check types
