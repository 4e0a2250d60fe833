import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import t from 'tap'
import { createTransformProcesses } from '../../../services/worker/transforms/processes/pool.ts'
import { createTransform, type TransformSource } from '../../../services/worker/transforms/rules/transform-source.ts'
import { make } from './support.ts'

const source: TransformSource = { kind: 'built-in', name: 'image', options: { format: 'png' } }
const image = await createTransform(source)

function svg(content: string, { before = '', attributes = 'width="100" height="50"' } = {}): Buffer {
  const names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
  return Buffer.from(`${before}<svg ${names} ${attributes}>${content}</svg>`)
}

t.test('an SVG becomes a thumbnail', async t => {
  const circle = '<circle cx="50" cy="25" r="20" fill="#00f"/>'
  for (const [bytes, width, height] of [
    [svg(circle), 100, 50],
    [svg(circle, { attributes: 'viewBox="0 0 100 50"' }), 100, 50],
    [svg(circle, { before: '\ufeff<?xml version="1.0"?>\n<!-- drawn -->\n' }), 100, 50],
    [svg(circle, { attributes: 'width="1000" height="500" viewBox="0 0 100 50"' }), 320, 160],
  ] as const) {
    const [main, metadata] = await make(image, [bytes])
    t.match(await sharp(main?.bytes).metadata(), { format: 'png', width, height })
    const { channels } = await sharp(main?.bytes).stats()
    t.strictSame(
      channels.map(({ max }) => max),
      [0, 0, 255, 255],
    )
    t.match(JSON.parse(metadata?.bytes.toString() ?? ''), { format: 'svg', complete: true })
  }
})

t.test('an SVG can not read files or send requests', async t => {
  const red = await sharp({ create: { width: 50, height: 50, channels: 3, background: '#f00' } })
    .png()
    .toBuffer()
  const file = path.join(t.testdir({}), 'red.png')
  writeFileSync(file, red)
  const asked: string[] = []
  const server = createServer(({ url = '' }, response) => {
    asked.push(url)
    response.end(red)
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => server.close())
  const http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const entity = (target: string) => `<!DOCTYPE svg [<!ENTITY x SYSTEM "${target}"><!ENTITY % y SYSTEM "${target}">]>`
  const include = (target: string) => `<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="${target}"/>`
  const square = '<rect x="60" y="10" width="20" height="20" fill="#00f"/>'
  const filter = (target: string) => `<filter id="f"><feImage xlink:href="${target}" href="${target}"/></filter>`
  for (const target of [file, pathToFileURL(file).href, 'red.png', `${http}/red.png`, '/proc/self/environ']) {
    for (const bytes of [
      svg(`${square}<image href="${target}" xlink:href="${target}" width="50" height="50"/>`),
      svg(`${square}${filter(target)}<rect width="50" height="50" filter="url(#f)"/>`),
      svg(`${square}<use href="${target}#a"/>${include(target)}`),
      svg(`${square}<style>@import url("${target}"); rect { fill: url("${target}#a") }</style>`),
      svg(`${square}<style>@font-face { font-family: a; src: url("${target}") }</style><text font-family="a">a</text>`),
      svg(square, { before: `<?xml version="1.0"?><?xml-stylesheet href="${target}" type="text/css"?>` }),
      svg(square, { before: `<!DOCTYPE svg SYSTEM "${target}">` }),
      svg(square, { before: entity(target) }),
      svg(
        `<image href="data:image/svg+xml,${encodeURIComponent(svg(`<image href="${target}" width="50" height="50"/>`).toString())}" width="50" height="50"/>${square}`,
      ),
    ]) {
      const [main] = await make(image, [bytes])
      const { channels } = await sharp(main?.bytes).stats()
      t.equal(channels[0]?.max, 0, `nothing red of ${target} in ${bytes.toString().slice(0, 200)}`)
    }
    const named = svg(`${square}<text x="9" y="9">&x;</text>`, { before: entity(target) })
    await t.rejects(make(image, [named]), {
      code: 'HEADGATE_TRANSFORM_REFUSED',
      message: /^The image .*cannot be read: /,
    })
  }
  t.strictSame(asked, [])
})

t.test('an SVG made to take too much time or memory is refused, within the limits of its process', async t => {
  const pool = createTransformProcesses({ size: 1, memoryMiB: 352 })
  t.teardown(() => pool.close())
  const apart = pool.inProcess(image, source, { timeoutSeconds: 5 })
  const repeated = (depth: number, part: (index: number) => string) =>
    Array.from({ length: depth }, (_, index) => part(index + 1)).join('')
  const entities = repeated(11, index => `<!ENTITY a${index} "${`&a${index - 1};`.repeat(10)}">`)
  const uses = repeated(11, index => `<g id="u${index}">${`<use href="#u${index - 1}"/>`.repeat(10)}</g>`)
  const layers = 400
  for (const [what, bytes] of Object.entries({
    'entities of entities': svg('<text>&a11;</text>', { before: `<!DOCTYPE svg [<!ENTITY a0 "lol">${entities}]>` }),
    'uses of uses': svg(`<g id="u0"><rect width="1" height="1"/></g>${uses}`),
    'a drawing of 10,000 megapixels': svg('<rect/>', { attributes: 'width="100000" height="100000"' }),
    'elements in elements': svg('<g>'.repeat(20_000) + '</g>'.repeat(20_000)),
    'filters of a large drawing': svg(
      `<filter id="f">${'<feTurbulence baseFrequency="0.9" numOctaves="99"/><feGaussianBlur stdDeviation="900"/>'.repeat(50)}</filter>${'<rect width="7000" height="7000" filter="url(#f)"/>'.repeat(50)}`,
      { attributes: 'width="7000" height="7000"' },
    ),
    'layers on layers': svg(
      `${'<g opacity="0.9">'.repeat(layers)}<rect width="7000" height="7000"/>${'</g>'.repeat(layers)}`,
      { attributes: 'width="7000" height="7000"' },
    ),
  })) {
    const at = performance.now()
    // On a busy machine the limit of time may apply before the limit of CPU time. The worker would retry that in a new process.
    await t.rejects(make(apart, [bytes]), { code: /^HEADGATE_(?:TRANSFORM_REFUSED|PROCESS_LIMIT)$/ }, what)
    t.comment(`${what}: ${(performance.now() - at).toFixed(0)} ms`)
  }
  const [main] = await make(apart, [svg('<rect width="9" height="9"/>')])
  t.equal(main?.contentType, 'image/png', 'the next SVG becomes a thumbnail')
})
