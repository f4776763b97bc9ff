// What is to be shown, as plain values, and its way into the page: only what differs from what was drawn before is written,
// so the rest keeps its layout, its focus, its place when scrolled. Knows no game.

/** @type {any} */
const any = undefined;

/** An element to be; children that are empty are left out. @returns {any} */
export const h = (tag = '', attributes = any ?? {}, /** @type {any[]} */ ...children) => ({ tag, attributes, children: children.filter((child) => child || child === 0) });

/** Draws an element or a text in the place of `old`. @returns {any} the node: `old`, where it is of the kind */
export const draw = (made = any, old = any) => {
  const { tag, attributes, children } = made;
  if (!tag) {
    const text = old?.nodeType === 3 ? old : new Text();
    if (text.data !== `${made}`) text.data = made;
    return text;
  }
  const node = old?.localName === tag ? old : document.createElement(tag);
  const [held, kids] = node.drawn ?? [{}, []];
  for (const name in { ...held, ...attributes }) {
    const value = attributes[name];
    if (value !== held[name]) value ? node.setAttribute(name, value) : node.removeAttribute(name);
  }
  const drawn = children.map((/** @type {any} */ child, n = 0) => {
    const kid = draw(child, kids[n]);
    if (kid !== kids[n]) kids[n] ? kids[n].replaceWith(kid) : node.append(kid);
    return kid;
  });
  for (const kid of kids.slice(drawn.length)) kid.remove();
  node.drawn = [attributes, drawn];
  return node;
};
