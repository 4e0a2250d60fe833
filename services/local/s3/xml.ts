/** The XML documents of S3 are small and have a fixed form, so they are read and written without a parser. */

/** The value of an element: a text, elements in elements, or the same element several times. Undefined leaves it out. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | { readonly [name: string]: XmlValue }
  | readonly XmlValue[]

/** Returns a document with one root element. */
export function toXml(root: string, content: XmlValue): string {
  const body = element(root, content).replace('>', ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/">')
  return `<?xml version="1.0" encoding="UTF-8"?>\n${body}`
}

/** Returns an element, or several if the value is a list. */
export function element(name: string, value: XmlValue): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map(one => element(name, one)).join('')
  if (typeof value !== 'object') return `<${name}>${escaped(String(value))}</${name}>`
  const content = Object.entries(value).map(([key, one]) => element(key, one))
  return `<${name}>${content.join('')}</${name}>`
}

/** Returns the contents of all elements of a name, in their order. They can contain elements themselves. */
export function findAll(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>(.*?)</${name}>`, 'gs'))].map(([, content = '']) => content)
}

/** Returns the text of the first element of a name. */
export function findText(xml: string, name: string): string | undefined {
  const [content] = findAll(xml, name)
  return content === undefined ? undefined : unescaped(content).trim()
}

/** Escapes a text for XML. Control characters become references, without which a parser would change or reject them. */
export function escaped(text: string): string {
  return (
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what must be escaped
      .replace(/[\u0000-\u001f\u007f]/g, char => `&#${char.charCodeAt(0)};`)
  )
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

export function unescaped(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(lt|gt|quot|apos|amp));/gi, (_, hex, decimal, name) => {
    if (name !== undefined) return NAMED[name.toLowerCase()] ?? ''
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16))
  })
}
