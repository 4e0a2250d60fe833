import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { createTransform } from '../../../services/worker/transforms/rules/transform-source.ts'
import { seededRandom } from '../../uploads/examples.ts'
import { bmp, icon, iconBitmap, type PixelAt } from './bitmaps.ts'
import { cut, make } from './support.ts'

const shipped = (options: unknown = {}) => createTransform({ kind: 'built-in', name: 'image', options })
const image = await shipped()

function picture(width: number, height: number) {
  return sharp({ create: { width, height, channels: 3, background: '#336699' } })
}

const refused = (t: Test, bytes: Uint8Array, message: RegExp, transform = image) =>
  t.rejects(make(transform, [bytes]), { code: 'HEADGATE_TRANSFORM_REFUSED', message })

t.test('an image becomes a thumbnail and a description in metadata.json', async t => {
  for (const format of ['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'] as const) {
    const bytes = await picture(800, 400).toFormat(format).toBuffer()
    const [main, metadata, ...more] = await make(image, [bytes], { filename: 'holiday.in.rome.jpg' })
    t.match(main, { name: 'main', contentType: 'image/webp', filename: 'holiday.in.rome.webp' })
    t.match(await sharp(main?.bytes).metadata(), { format: 'webp', width: 320, height: 160 }, format)
    t.match(metadata, { name: 'metadata.json', contentType: 'application/json' })
    t.match(JSON.parse(metadata?.bytes.toString() ?? ''), { width: 800, height: 400, pages: 1 }, format)
    t.strictSame(more, [])
  }
})

t.test('a thumbnail is upright, not larger than its image, and has no location', async t => {
  const exif = { IFD0: { Make: 'Camera' }, IFD3: { GPSLatitude: '51/1 30/1 0/1' } }
  const bytes = await picture(40, 20).withExif(exif).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  const [main, metadata] = await make(image, [bytes])
  const made = await sharp(main?.bytes).metadata()
  t.match(made, { width: 20, height: 40 })
  t.notOk(made.exif)
  t.match(JSON.parse(metadata?.bytes.toString() ?? ''), { width: 40, height: 20, upright: { width: 20, height: 40 } })
  t.notMatch(metadata?.bytes.toString(), /GPS|Camera/)
})

t.test('of several sizes the first is the main output', async t => {
  const transform = await shipped({ sizes: [64, 16], format: 'jpeg', quality: 50 })
  const made = await make(transform, [await picture(100, 100).png().toBuffer()])
  t.strictSame(
    made.map(({ name, contentType }) => [name, contentType]),
    [
      ['main', 'image/jpeg'],
      ['thumbnail-16.jpeg', 'image/jpeg'],
      ['metadata.json', 'application/json'],
    ],
  )
  t.match(await sharp(made[1]?.bytes).metadata(), { format: 'jpeg', width: 16 })
})

t.test('the outputs do not depend on how the bytes of an image are split', async t => {
  const random = seededRandom(3)
  const bytes = await picture(200, 100).jpeg().toBuffer()
  const whole = await make(image, [bytes])
  t.strictSame(await make(image, cut(bytes, random, 50)), whole)
})

t.test('content that is not an image is refused, with any content type', async t => {
  await refused(t, Buffer.alloc(0), /^The content is not an image\. Supported formats are JPEG/)
  await refused(t, Buffer.from('hello'), /^The content is not an image/)
  await refused(t, Buffer.from('<p>hello</p>'), /^The content is not an image/)
  const formats = 'JPEG, PNG, WEBP, TIFF, GIF, SVG, AVIF, BMP and ICO'
  await refused(
    t,
    Buffer.from('8BPS0001'),
    new RegExp(`^The content is image/vnd.adobe.photoshop\\. Supported formats are ${formats}\\.$`),
  )
  await refused(t, Buffer.from('00000100010001010000010020003000000016000000', 'hex'), /ends before the header/)
})

t.test('a BMP and an icon become thumbnails with a description in metadata.json', async t => {
  const orange: PixelAt = () => [255, 165, 0, 255]
  const bitmap = bmp({ width: 400, height: 200, bits: 24 }, orange)
  const content = iconBitmap({ width: 48, height: 48, bits: 24 }, orange, x => x < 24)
  for (const [bytes, size, facts] of [
    [bitmap, { width: 320, height: 160 }, { format: 'bmp', width: 400, height: 200, hasAlpha: false, complete: true }],
    [
      bitmap.subarray(0, 100_054),
      { width: 320, height: 160 },
      { complete: false, fault: 'the file ends in row 84 of 200' },
    ],
    [
      icon([{ width: 48, height: 48, bits: 24, content }]),
      { width: 48, height: 48 },
      { format: 'ico', hasAlpha: true },
    ],
  ] as const) {
    const [thumbnail, metadata] = await make(image, [bytes])
    t.match(await sharp(thumbnail?.bytes).metadata(), { format: 'webp', ...size })
    t.match(JSON.parse(String(metadata?.bytes)), facts)
    const pixels = await sharp(thumbnail?.bytes).removeAlpha().raw().toBuffer()
    const lowerRight = [...pixels.subarray(-3)]
    t.strictSame(
      lowerRight.map(value => Math.round(value / 16)),
      [16, 10, 0],
      'orange',
    )
  }
  await refused(t, bmp({ width: 10, height: 10, bits: 24 }, orange).subarray(0, 54), /No part of it is visible/)
  const bomb = bmp({ width: 1, height: 1, bits: 24 }, orange)
  bomb.writeInt32LE(100_000, 18)
  bomb.writeInt32LE(100_000, 22)
  await refused(t, bomb, /^The image has 10000000000 pixels, more than the maximum/)
})

/** Creates a PNG of few bytes and many pixels, because zeros compress well. */
function bomb(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    checksum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, checksum])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head[8] = 1
  const pixels = deflateSync(Buffer.alloc((Math.ceil(width / 8) + 1) * height))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))])
}

t.test('an image with too many pixels is refused before decoding, even if it has few bytes', async t => {
  const bytes = bomb(20_000, 20_000)
  t.ok(bytes.length < 100_000, `${bytes.length} bytes`)
  await refused(t, bytes, /^The image has 400000000 pixels, more than the maximum of 50000000\.$/)
  const [main] = await make(await shipped({ maxPixels: 1_000_000 }), [bomb(1_000, 1_000)])
  t.match(await sharp(main?.bytes).metadata(), { width: 320 }, 'the maximum itself is accepted')
})

t.test('an image with too many bytes is refused, by its stated size or by the bytes that arrive', async t => {
  const small = await shipped({ maxBytes: 1_024 })
  await refused(t, Buffer.alloc(1_025), /^The image has more than 1024 bytes/, small)
  let read = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      read++
      yield Buffer.alloc(100)
    }
  }
  const context = {
    upload: { contentType: 'image/png', mediaType: 'image/png', filename: 'a', key: 'a', size: 10 },
    signal: new AbortController().signal,
  }
  const outputs = small.apply(endless(), context) as AsyncIterable<unknown>
  await t.rejects(outputs[Symbol.asyncIterator]().next(), { code: 'HEADGATE_TRANSFORM_REFUSED' })
  t.equal(read, 11)
  t.equal(small.holds?.({ ...context.upload, size: 500 }), 500)
  t.equal(small.holds?.({ ...context.upload, size: 5_000 }), 1_024)
})
