import { writeFileSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { openImage } from '../../../services/worker/transforms/built-in/image/decode.ts'
import { decodingCost } from '../../../services/worker/transforms/built-in/image/decoding-cost.ts'
import { readJpeg } from '../../../services/worker/transforms/built-in/image/jpeg.ts'
import { createTransformProcesses } from '../../../services/worker/transforms/processes/pool.ts'
import { createTransform, type TransformSource } from '../../../services/worker/transforms/rules/transform-source.ts'
import { runProgram } from '../../support/processes.ts'
import { bmp } from './bitmaps.ts'
import { deepAvif, flat, jpegOfScans } from './hostile-images.ts'
import { make } from './support.ts'

const MIB = 1024 ** 2
const SIDE = 3_000
/** Difference between two runs with the same image, in bytes. */
const NOISE = 32 * MIB
const MAX_RUNS = 3

const costOf = async (bytes: Buffer) => decodingCost(bytes, (await openImage(bytes)).metadata, 320)

/** Creates noise, because a lossless WebP of one color is decoded in another way. */
const noisy = (side: number) => {
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const
  return sharp({ create: { width: side, height: side, channels: 3, background: '#000', noise } })
}

const drawing = (side: number) =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"><circle r="900"/></svg>`)

const deep = (channels: 3 | 4 = 3) => flat(SIDE, SIDE, channels).toColourspace('rgb16')

t.test('the estimate is at least the memory that decoding takes, and not much more', async t => {
  const dir = t.testdir({})
  for (const [name, picture] of Object.entries({
    'AVIF, 8 bits, 4:2:0': flat(SIDE).avif({ effort: 0, chromaSubsampling: '4:2:0' }),
    'AVIF, 8 bits, 4:4:4': flat(SIDE).avif({ effort: 0 }),
    'AVIF, 10 bits, 4:4:4': flat(SIDE).avif({ effort: 0, bitdepth: 10 }),
    'AVIF, 12 bits, 4:2:0': flat(SIDE).avif({ effort: 0, bitdepth: 12, chromaSubsampling: '4:2:0' }),
    'PNG, 8 bits': flat(SIDE).png(),
    'PNG, 8 bits, interlaced': flat(SIDE).png({ progressive: true }),
    'PNG, 16 bits, alpha, interlaced': deep(4).png({ progressive: true }),
    'JPEG, baseline': flat(SIDE).jpeg(),
    'JPEG, progressive, 4:4:4': flat(SIDE).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }),
    'WebP, lossless': noisy(SIDE).webp({ lossless: true, effort: 0 }),
    GIF: flat(SIDE).gif(),
    'TIFF, 16 bits': deep().tiff({ compression: 'lzw' }),
    'TIFF, one tile': flat(SIDE).tiff({ tile: true, tileWidth: SIDE - (SIDE % 16), tileHeight: SIDE - (SIDE % 16) }),
    BMP: { toBuffer: async () => bmp({ width: SIDE, height: SIDE, bits: 24 }, (x, y) => [x % 256, y % 256, 0, 255]) },
    SVG: { toBuffer: async () => drawing(SIDE) },
    'TIFF, float': flat(SIDE).toColourspace('scrgb').tiff({ compression: 'lzw' }),
  })) {
    const bytes = await picture.toBuffer()
    const file = path.join(dir, 'picture')
    writeFileSync(file, bytes)
    const estimated = (await costOf(bytes)).bytes
    // A process that reuses freed memory grows less, so the maximum of several runs counts.
    let took = 0
    for (let run = 0; run < MAX_RUNS && (run === 0 || estimated > 4 * took + NOISE); run++) {
      const measuring = runProgram(t, [path.join(import.meta.dirname, 'measure-decoding.ts'), file])
      t.strictSame(await measuring.ended, { code: 0, signal: null }, measuring.stderr())
      took = Math.max(took, Number(measuring.stdout()))
    }
    const inMiB = (amount: number) => (amount / MIB).toFixed(0)
    const figures = `${name}: estimated ${inMiB(estimated)} MiB, took ${inMiB(took)}`
    t.ok(took <= estimated + NOISE, figures)
    t.ok(estimated <= 4 * took + NOISE, figures)
  }
})

t.test('counts the scans of a JPEG, and no bytes that only look like a scan', async t => {
  const plain = await flat(64).jpeg().toBuffer()
  t.match(readJpeg(plain), { scans: 1, holdsCoefficients: false, coefficientsPerPixel: 1.5 })
  const progressive = await flat(64).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer()
  t.match(readJpeg(progressive), { scans: 10, holdsCoefficients: true, coefficientsPerPixel: 3 })
  t.equal(readJpeg(await jpegOfScans(64, 500)).scans, 510)
  const comment = Buffer.from([0xff, 0xfe, 0, 8, 0xff, 0xda, 0, 2, 0xff, 0xda])
  t.equal(readJpeg(Buffer.concat([plain.subarray(0, 2), comment, plain.subarray(2)])).scans, 1)
  // One scan for each channel.
  const scan = plain.indexOf(Buffer.from([0xff, 0xda]))
  const single = Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0])
  t.ok(readJpeg(Buffer.concat([plain.subarray(0, scan), single])).holdsCoefficients)
  for (const cut of [0, 1, 2, 3, 20, 100, 163]) t.ok(readJpeg(plain.subarray(0, cut)).scans <= 1, `cut at ${cut}`)
})

t.test('refuses an image that needs too much memory or too many scans, before decoding', async t => {
  const pool = createTransformProcesses({ size: 1, memoryMiB: 352 })
  t.teardown(() => pool.close())
  const source: TransformSource = { kind: 'built-in', name: 'image', options: {} }
  const image = pool.inProcess(await createTransform(source), source, { timeoutSeconds: 20 })
  const code = 'HEADGATE_TRANSFORM_REFUSED'
  const avif = deepAvif()
  t.ok(avif.byteLength < 4_096, `${avif.byteLength} bytes`)
  await t.rejects(make(image, [avif]), {
    code,
    message:
      /^Decoding the image takes about 1283 MiB of memory, and 248 MiB are available: it has 7000 × 7000 pixels, AVIF of 10 bits, 4:4:4, 3 channels of ushort\.$/,
  })
  const scans = { code, message: 'The image has 20010 scans, more than the maximum of 100.' }
  await t.rejects(make(image, [await jpegOfScans(1_500, 20_000)]), scans)
  const phone = await flat(4_000, 3_000).avif({ bitdepth: 10, effort: 0, chromaSubsampling: '4:2:0' }).toBuffer()
  t.equal((await make(image, [phone])).length, 2, 'a photo of 12 megapixels is decoded')
})
