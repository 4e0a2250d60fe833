/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

type Random = () => number

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T

const HEAD = 'Content-Disposition: form-data; name="f"; filename="a"\r\n'
const BOUNDARIES = ['b', '-', 'ab', '--', 'b-', 'WebKitFormBoundary7MA4YWxkTrZu0gW']

/** Pieces that make a form malformed. */
const tokens = (boundary: string) => [
  ...['\r\n', '\n', '\r', ' ', '\t', '-', '--', 'x', '\0', ';', boundary, `--${boundary}`, `--${boundary}--`],
  ...[`\r\n--${boundary}`, `\r\n--${boundary}\r\n`, `\r\n--${boundary}--\r\n`, HEAD, `${HEAD}\r\n`, 'Content-Disp'],
]

export interface RandomBody {
  seed: number
  boundary: string
  body: string
  /** The sizes of the chunks in which the body arrives. */
  sizes: number[]
}

/** Generates `count` forms with a few random changes. */
export function* randomBodies(count: number): Generator<RandomBody> {
  for (let seed = 1; seed <= count; seed++) {
    const random = randomNumbers(seed)
    const { boundary, body: valid, sizes } = randomForm(random)
    const from = tokens(boundary)
    let body = valid
    for (let changes = Math.floor(random() * 4); changes > 0; changes--) {
      const at = Math.floor(random() * (body.length + 1))
      const removed = random() < 0.5 ? Math.floor(random() * 4) : 0
      body = body.slice(0, at) + (random() < 0.7 ? pick(random, from) : '') + body.slice(at + removed)
    }
    yield { seed, boundary, body, sizes }
  }
}

export interface RandomForm {
  boundary: string
  body: string
  contents: string[]
  sizes: number[]
}

/** Generates a valid form whose contents look like delimiters where that is allowed. */
export function randomForm(random: Random): RandomForm {
  const boundary = pick(random, BOUNDARIES)
  const contents = Array.from({ length: Math.floor(random() * 4) }, () => randomContent(random, boundary))
  const padding = () => pick(random, ['', '', '', ' ', '\t '])
  const parts = contents.map(content => `--${boundary}${padding()}\r\n${HEAD}\r\n${content}\r\n`)
  const body = `${pick(random, ['', '', '\r\n', 'hello\r\n'])}${parts.join('')}--${boundary}--${padding()}${pick(random, ['', '\r\n', '\r\nbye'])}`
  const sizes = Array.from({ length: 1 + Math.floor(random() * 4) }, () => 1 + Math.floor(random() * 40))
  return { boundary, body, contents, sizes }
}

function randomContent(random: Random, boundary: string): string {
  const from = [
    '\r\n',
    '\r\n',
    '\r',
    '\n',
    '-',
    '--',
    ' ',
    'x',
    'y\r\n',
    '\0',
    'é',
    `--${boundary}x`,
    `\r\n--${boundary}x`,
    boundary,
  ]
  const content = Array.from({ length: Math.floor(random() * 12) }, () => pick(random, from)).join('')
  // A client must choose another boundary if its content has a line that is a delimiter, or nearly one.
  const line = new RegExp(`(?:^|[\\r\\n])--${boundary}(?:--)?[ \\t]*(?:[\\r\\n]|$)`)
  return line.test(content) ? 'x' : content
}
