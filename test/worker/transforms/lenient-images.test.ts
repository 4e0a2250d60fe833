import sharp from 'sharp'
import t from 'tap'
import { createTransform } from '../../../services/worker/transforms/rules/transform-source.ts'
import { AFTER_IHDR, inserted, pngChunk, shaded, withScanHeader, xmpOf } from './damaged-images.ts'
import { make } from './support.ts'

const image = await createTransform({ kind: 'built-in', name: 'image', options: { format: 'png' } })

async function thumbnailOf(bytes: Uint8Array) {
  const [main, metadata] = await make(image, [bytes], { mediaType: 'image/jpeg' })
  return { bytes: main?.bytes ?? Buffer.alloc(0), facts: JSON.parse(metadata?.bytes.toString() ?? '') }
}

/** Returns the mean difference of two pictures of the same size, from 0 to 255. */
async function difference(a: Buffer, b: Buffer): Promise<number> {
  const [one, other] = await Promise.all([a, b].map(bytes => sharp(bytes).removeAlpha().raw().toBuffer()))
  if (!one || !other || one.length !== other.length) return Number.POSITIVE_INFINITY
  return one.reduce((sum, value, at) => sum + Math.abs(value - (other[at] ?? 0)), 0) / one.length
}

const jpeg = await shaded(200, 120).jpeg().toBuffer()
const png = await shaded(200, 120).png().toBuffer()

t.test('reads unusual images whole if browsers do', async t => {
  const exif = await shaded(200, 120).withMetadata({ orientation: 1 }).jpeg().toBuffer()
  for (const [what, bytes] of Object.entries({
    'NULs between the segments of a JPEG': inserted(jpeg, 20, Buffer.alloc(4)),
    'NULs in the EXIF of a JPEG': inserted(exif, 20, Buffer.alloc(4)),
    'bytes between the segments of a JPEG': inserted(jpeg, 20, Buffer.from('junk')),
    'bytes behind a JPEG': Buffer.concat([jpeg, Buffer.from('SEFT'), Buffer.alloc(999)]),
    'a scan without coefficients': withScanHeader(jpeg, [0, 0, 0]),
    'a scan that approximates': withScanHeader(jpeg, [0, 63, 0x11]),
    'a scan of anything': withScanHeader(jpeg, [5, 255, 0xff]),
    'a PNG without its end': png.subarray(0, -12),
    'a PNG with a wrong checksum of an optional chunk': inserted(
      png,
      AFTER_IHDR,
      pngChunk('tEXt', Buffer.from('Comment\0x'), true),
    ),
    'an interlaced PNG': await shaded(200, 120).png({ progressive: true }).toBuffer(),
    'a PNG of 16 bits': await shaded(200, 120).toColourspace('rgb16').png().toBuffer(),
    'a PNG with a palette': await shaded(200, 120).png({ palette: true }).toBuffer(),
    'a progressive JPEG': await shaded(200, 120).jpeg({ progressive: true }).toBuffer(),
    'a JPEG in CMYK': await shaded(200, 120).toColourspace('cmyk').jpeg().toBuffer(),
    'a GIF': await shaded(200, 120).gif().toBuffer(),
  })) {
    const { bytes: made, facts } = await thumbnailOf(bytes)
    t.equal(facts.complete, true, what)
    t.notOk('fault' in facts, what)
    const off = await difference(made, png)
    t.ok(off < 24, `${what}: differs by ${off.toFixed(1)}`)
  }
})

t.test('creates a thumbnail of the readable part of an image that ends too early, with a note', async t => {
  const webp = await shaded(200, 120).webp().toBuffer()
  const gif = await shaded(200, 120).gif().toBuffer()
  const progressive = await shaded(200, 120).jpeg({ progressive: true }).toBuffer()
  for (const [what, bytes] of Object.entries({
    'a JPEG without its end': jpeg.subarray(0, -2),
    'half a JPEG': jpeg.subarray(0, jpeg.length / 2),
    'half a progressive JPEG': progressive.subarray(0, progressive.length / 2),
    'half a PNG': png.subarray(0, png.length / 2),
    'half a WebP': webp.subarray(0, webp.length / 2),
    'half a GIF': gif.subarray(0, gif.length / 2),
  })) {
    const { bytes: made, facts } = await thumbnailOf(bytes)
    t.match(facts, { complete: false, fault: /\w/, width: 200, height: 120 }, what)
    const top = { left: 0, top: 0, width: 200, height: 30 }
    const part = (of: Buffer) => sharp(of).extract(top).png().toBuffer()
    const off = await difference(await part(made), await part(png))
    t.ok(off < 24, `${what}: its upper part differs by ${off.toFixed(1)}`)
  }
})

t.test('refuses an image without a visible part', async t => {
  const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]))
  const data = png.indexOf('IDAT')
  for (const bytes of [
    jpeg.subarray(0, 3),
    jpeg.subarray(0, scan),
    jpeg.subarray(0, scan + 2 + jpeg.readUInt16BE(scan + 2)),
    png.subarray(0, 20),
    png.subarray(0, data + 6),
    (await shaded(200, 120).avif().toBuffer()).subarray(0, 300),
  ]) {
    await t.rejects(make(image, [bytes]), {
      code: 'HEADGATE_TRANSFORM_REFUSED',
      message: /^The image .*cannot be read: /,
    })
  }
})

t.test('turns a thumbnail upright by the EXIF, or by the XMP if there is no EXIF', async t => {
  for (const format of ['jpeg', 'png', 'webp', 'tiff', 'avif'] as const) {
    const bytes = await shaded(40, 20).withMetadata({ orientation: 6 }).toFormat(format).toBuffer()
    const { bytes: made, facts } = await thumbnailOf(bytes)
    t.match(await sharp(made).metadata(), { width: 20, height: 40 }, format)
    t.match(facts, { upright: { width: 20, height: 40 } }, format)
  }
  for (let orientation = 1; orientation <= 8; orientation++) {
    const byExif = await shaded(40, 20).withMetadata({ orientation }).png().toBuffer()
    const upright = orientation >= 5 ? { width: 20, height: 40 } : { width: 40, height: 20 }
    for (const format of ['jpeg', 'png', 'webp'] as const) {
      const byXmp = await shaded(40, 20)
        .withXmp(xmpOf(orientation, format === 'png'))
        .toFormat(format)
        .toBuffer()
      const { bytes: made, facts } = await thumbnailOf(byXmp)
      const off = await difference(made, (await thumbnailOf(byExif)).bytes)
      t.ok(off < 24, `${format} ${orientation}: differs by ${off.toFixed(1)}`)
      t.strictSame(facts.upright, upright)
    }
  }
  const both = await shaded(40, 20).withXmp(xmpOf(6)).withMetadata({ orientation: 1 }).jpeg().toBuffer()
  t.match((await thumbnailOf(both)).facts, { upright: { width: 40, height: 20 } }, 'EXIF comes before XMP')
})

t.test('leaves image types that no browser shows to other rules', async t => {
  const taken = (mediaType: string) =>
    image.accepts?.({ contentType: '', mediaType, filename: 'a', key: 'a', size: 1 }) ?? true
  for (const type of ['image/jpeg', 'image/heic', 'image/bmp', 'image/x-icon', 'image/svg+xml', 'text/plain']) {
    t.ok(taken(type), type)
  }
  for (const type of ['image/vnd.adobe.photoshop', 'image/vnd.dwg', 'image/x-adobe-dng', 'image/x-xcf']) {
    t.notOk(taken(type), type)
  }
})
