import sharp from 'sharp'
import t, { type Test } from 'tap'
import { decodeImage, openImage } from '../../../services/worker/transforms/built-in/image/decode.ts'
import { type BitmapOptions, bmp, icon, iconBitmap, type PixelAt } from './bitmaps.ts'

/** Odd sizes, because rows are padded to multiples of 4 bytes. */
const [WIDTH, HEIGHT] = [13, 5]
const size = { width: WIDTH, height: HEIGHT }

/** Returns a different color for each pixel, with 5 bits per channel so that a pixel of 16 bits has it exactly. */
const colorful: PixelAt = (x, y) => [scaled(x * 2), scaled(y * 5), scaled((x + y) % 32), 255]
const scaled = (of31: number) => Math.round((of31 * 255) / 31)
const indexAt =
  (bits: number): PixelAt =>
  (x, y) => [(x + 3 * y) % 2 ** bits, 0, 0, 255]
const palette = (count: number) =>
  Array.from({ length: count }, (_, index) => [index, 255 - index, (index * 7) % 256] as const)
const viaPalette =
  (bits: number, colors = palette(2 ** bits)): PixelAt =>
  (x, y) => [...(colors[indexAt(bits)(x, y)[0]] ?? ([0, 0, 0] as const)), 255]

async function pixelsOf(bytes: Buffer) {
  const image = await openImage(bytes)
  if (!image.decodePixels) throw new Error('sharp decodes this image')
  return { metadata: image.metadata, ...image.decodePixels() }
}

function pixelsLike(pixelAt: PixelAt, { width, height } = size): number[] {
  return Array.from({ length: width * height }, (_, at) => pixelAt(at % width, Math.floor(at / width))).flat()
}

async function shows(t: Test, what: string, bytes: Buffer, expected: PixelAt): Promise<void> {
  const { data, fault } = await pixelsOf(bytes)
  t.strictSame([...data], pixelsLike(expected), what)
  t.equal(fault, undefined, what)
}

t.test('reads a BMP of every depth, header and row order', async t => {
  for (const topDown of [false, true]) {
    for (const header of [40, 52, 56, 64, 108, 124] as const) {
      for (const bits of [1, 2, 4, 8] as const) {
        const options = { ...size, bits, header, topDown, palette: palette(2 ** bits) }
        await shows(t, `${bits} bits, header of ${header}`, bmp(options, indexAt(bits)), viaPalette(bits))
      }
      for (const bits of [16, 24, 32] as const) {
        await shows(t, `${bits} bits, header of ${header}`, bmp({ ...size, bits, header, topDown }, colorful), colorful)
      }
    }
  }
  await shows(t, 'OS/2, 24 bits', bmp({ ...size, bits: 24, header: 12 }, colorful), colorful)
  const os2 = bmp({ ...size, bits: 4, header: 12, palette: palette(16) }, indexAt(4))
  await shows(t, 'OS/2, 4 bits', os2, viaPalette(4))
})

t.test('reads the channels of a BMP by its masks', async t => {
  const masks: [BitmapOptions['bits'], NonNullable<BitmapOptions['header']>, number[]][] = [
    [16, 40, [0xf800, 0x7e0, 0x1f]],
    [16, 56, [0xf, 0xf0, 0xf00, 0xf000]],
    [32, 40, [0xff, 0xff00, 0xff0000]],
    [32, 40, [0xff000000, 0xff0000, 0xff00, 0xff]],
    [32, 124, [0xff0000, 0xff00, 0xff, 0xff000000]],
    [32, 52, [0x3ff00000, 0xffc00, 0x3ff]],
  ]
  const seeThrough: PixelAt = (x, y) => [x % 2 === 0 ? 0 : 255, 255, 0, y === 0 ? 0 : 255]
  for (const [bits, header, of] of masks) {
    const expected: PixelAt = (x, y) => [...colors(seeThrough(x, y)), of.length === 4 ? seeThrough(x, y)[3] : 255]
    await shows(t, `${bits} bits, header of ${header}`, bmp({ ...size, bits, header, masks: of }, seeThrough), expected)
  }
})

const colors = ([red, green, blue]: ReturnType<PixelAt>) => [red, green, blue] as const

t.test('shows a BMP with an empty alpha channel as opaque, as browsers do', async t => {
  const masks = [0xff0000, 0xff00, 0xff, 0xff000000]
  const empty: PixelAt = (x, y) => [...colors(colorful(x, y)), 0]
  const opaque: PixelAt = (x, y) => [...colors(colorful(x, y)), 255]
  await shows(t, 'masks', bmp({ ...size, bits: 32, header: 124, masks }, empty), opaque)
})

t.test('decodes the runs of a compressed BMP', async t => {
  const of = (bits: 4 | 8 | 24, compression: number, header: 40 | 64, hex: string) =>
    bmp(
      {
        width: 6,
        height: 3,
        bits,
        header,
        palette: bits === 24 ? [] : palette(16),
        packed: { compression, bytes: Buffer.from(hex, 'hex') },
      },
      indexAt(bits),
    )
  const color = (index: number): readonly number[] => [...(palette(16)[index] ?? []), 255]
  const clear = [0, 0, 0, 0]
  const row = (...indexes: number[]) => indexes.flatMap(index => (index < 0 ? clear : color(index)))
  for (const [what, bytes, expected] of [
    // Bottom row: six pixels of color 1. Next row: a list of three, and three of color 2. Then a move to the last pixel.
    [
      '8 bits',
      of(8, 1, 40, '0601 0000 0003 050607 00 0302 0000 0002 0500 0109 0001'.replaceAll(' ', '')),
      [row(-1, -1, -1, -1, -1, 9), row(5, 6, 7, 2, 2, 2), row(1, 1, 1, 1, 1, 1)],
    ],
    [
      '4 bits',
      of(4, 2, 40, '0612 0000 0005 345670 00 0188 0000 0001'.replaceAll(' ', '')),
      [row(-1, -1, -1, -1, -1, -1), row(3, 4, 5, 6, 7, 8), row(1, 2, 1, 2, 1, 2)],
    ],
    [
      '24 bits of OS/2',
      of(24, 4, 64, '06010203 0000 0003 040506 070809 0a0b0c 00 0001'.replaceAll(' ', '')),
      [
        row(-1, -1, -1, -1, -1, -1),
        [6, 5, 4, 255, 9, 8, 7, 255, 12, 11, 10, 255, ...row(-1, -1, -1)],
        Array.from({ length: 6 }, () => [3, 2, 1, 255]).flat(),
      ],
    ],
    [
      'a run that is longer than its row',
      of(8, 1, 40, 'ff01 0000 0001'.replaceAll(' ', '')),
      [row(-1, -1, -1, -1, -1, -1), row(-1, -1, -1, -1, -1, -1), row(1, 1, 1, 1, 1, 1)],
    ],
  ] as const) {
    const { data, fault } = await pixelsOf(bytes)
    t.strictSame([...data], expected.flat(), what)
    t.equal(fault, undefined, what)
  }
})

t.test('reads a BMP with a wrong offset or palette size', async t => {
  const right = bmp({ ...size, bits: 8, palette: palette(256) }, indexAt(8))
  for (const [what, offset] of [
    ['no offset', 0],
    ['an offset within the header', 20],
    ['the offset of the palette', 54],
  ] as const) {
    const wrong = Buffer.from(right)
    wrong.writeUInt32LE(offset, 10)
    await shows(t, what, wrong, viaPalette(8))
  }
  const short = bmp({ ...size, bits: 8, palette: palette(10) }, indexAt(8))
  const black = [...palette(10), ...Array.from({ length: 246 }, () => [0, 0, 0] as const)]
  await shows(t, 'colors beyond the palette', short, viaPalette(8, black))
})

t.test('reads a BMP that ends too early in part, and reports the row where it ends', async t => {
  const whole = bmp({ ...size, bits: 24 }, colorful)
  const { data, fault } = await pixelsOf(whole.subarray(0, 54 + 2 * 40 + 3))
  t.equal(fault, 'the file ends in row 3 of 5')
  const first: PixelAt = (x, y) => (y > 2 || (y === 2 && x === 0) ? colorful(x, y) : [0, 0, 0, 0])
  t.strictSame([...data], pixelsLike(first))
  const packed = { compression: 1, bytes: Buffer.from('0d0100000d', 'hex') }
  t.equal(
    (await pixelsOf(bmp({ ...size, bits: 8, palette: palette(256), packed }, indexAt(8)))).fault,
    'the file ends in row 2 of 5',
  )
})

t.test('takes the largest picture of an icon, and of equally large ones the one with the most colors', async t => {
  const dot: PixelAt = () => [255, 0, 0, 255]
  const picture = (side: number, bits: 4 | 24 | 32, pixelAt: PixelAt = dot) => {
    const options = { width: side, height: side, bits, ...(bits === 4 && { palette: palette(16) }) }
    return { width: side, height: side, bits, content: iconBitmap(options, pixelAt, () => false) }
  }
  const png = await sharp({ create: { width: 256, height: 256, channels: 4, background: '#0f08' } })
    .png()
    .toBuffer()
  const large = { width: 256, height: 256, bits: 32, content: png }
  t.match((await openImage(icon([picture(16, 32), large, picture(32, 32)]))).metadata, { format: 'png', width: 256 })
  t.match((await pixelsOf(icon([picture(16, 32), picture(32, 4), picture(32, 24)]))).metadata, {
    format: 'ico',
    width: 32,
  })
  t.strictSame([...(await pixelsOf(icon([picture(32, 4), picture(32, 24)]))).data.slice(0, 4)], [255, 0, 0, 255])
  t.match((await pixelsOf(icon([picture(16, 32)], 2))).metadata, { format: 'ico', height: 16 })
})

t.test('makes the pixels of an icon transparent by its alpha channel, or else by its mask', async t => {
  const isHole = (x: number, y: number) => x === y
  const holed: PixelAt = (x, y) => [...colors(colorful(x, y)), isHole(x, y) ? 0 : 255]
  const half: PixelAt = (x, y) => [...colors(colorful(x, y)), isHole(x, y) ? 0 : 128]
  const empty: PixelAt = (x, y) => [...colors(colorful(x, y)), 0]
  const masks = [0xff0000, 0xff00, 0xff, 0xff000000]
  // The option `masks` would write masks into the header, and headers in icons have none.
  const alpha = (pixelAt: PixelAt) => iconBitmap({ ...size, bits: 24 }, pixelAt, isHole)
  const with32 = (pixelAt: PixelAt) => {
    const content = iconBitmap({ ...size, bits: 32, header: 40, masks }, pixelAt, isHole)
    content.writeUInt32LE(0, 16)
    return Buffer.concat([content.subarray(0, 40), content.subarray(56)])
  }
  const shownAs = async (what: string, content: Buffer, bits: number, expected: PixelAt) =>
    shows(t, what, icon([{ ...size, bits, content }]), expected)
  await shownAs('24 bits', alpha(colorful), 24, holed)
  await shownAs('32 bits with alpha', with32(half), 32, half)
  await shownAs('32 bits whose alpha is empty', with32(empty), 32, holed)
})

t.test('refuses an invalid header with the reason', async t => {
  const changed = (offset: number, value: number) => {
    const bytes = bmp({ ...size, bits: 24 }, colorful)
    bytes.writeInt32LE(value, offset)
    return bytes
  }
  for (const [bytes, reason] of [
    [changed(14, 7), /states a size of 7 bytes/],
    [changed(14, 40_000), /states a size of 40000 bytes/],
    [changed(18, -13), /states -13 × 5 pixels/],
    [changed(22, 0), /states 13 × 0 pixels/],
    [changed(28, 5), /states 5 bits a pixel/],
    [changed(30, 4), /compression 4 with 24 bits a pixel is not supported/],
    [icon([{ width: 16, height: 16, bits: 32, content: Buffer.alloc(0) }]), /ends before the header of its bitmap/],
  ] as const) {
    await t.rejects(openImage(bytes), { code: 'HEADGATE_TRANSFORM_REFUSED', message: reason })
  }
})

t.test('reads a compressed BMP without an end mark as complete', async t => {
  const packed = { compression: 1, bytes: Buffer.from('0201000002010000'.slice(0, 12), 'hex') }
  const { fault } = await pixelsOf(bmp({ width: 2, height: 2, bits: 8, palette: palette(256), packed }, indexAt(8)))
  t.equal(fault, undefined)
})

t.test('refuses a compressed BMP that ends before it draws a pixel', async t => {
  const packed = { compression: 1, bytes: Buffer.from('0001', 'hex') }
  const image = await openImage(bmp({ ...size, bits: 8, palette: palette(256), packed }, indexAt(8)))
  const pixels = decodeImage(image, 1_000, async pixels => pixels.png().toBuffer())
  await t.rejects(pixels, { message: /no pixel is drawn\. No part of it is visible/ })
})

t.test('leaves the missing rows of a BMP with an empty alpha channel transparent', async t => {
  const masks = [0xff0000, 0xff00, 0xff, 0xff000000]
  const empty: PixelAt = (x, y) => [...colors(colorful(x, y)), 0]
  const whole = bmp({ ...size, bits: 32, header: 124, masks }, empty)
  const { data } = await pixelsOf(whole.subarray(0, whole.length - 2 * WIDTH * 4))
  const shown: PixelAt = (x, y) => (y < 2 ? [0, 0, 0, 0] : [...colors(colorful(x, y)), 255])
  t.strictSame([...data], pixelsLike(shown))
})

t.test('reads a channel whose mask covers all bits of a pixel', async t => {
  const white: PixelAt = () => [255, 255, 255, 255]
  const bytes = bmp({ ...size, bits: 32, masks: [0xff0000, 0xff00, 0xff] }, white)
  for (const at of [54, 58, 62]) bytes.writeUInt32LE(0xffffffff, at)
  bytes.fill(0xff, bytes.length - WIDTH * HEIGHT * 4)
  t.strictSame([...(await pixelsOf(bytes)).data.slice(0, 4)], [255, 255, 255, 255])
})

t.test('skips a damaged picture of an icon, and applies the mask of a top-down picture', async t => {
  const options = { width: 4, height: 4, bits: 24 } as const
  const dot: PixelAt = () => [255, 0, 0, 255]
  const good = { ...options, content: iconBitmap(options, dot, () => false) }
  const damaged = { width: 64, height: 64, bits: 32, content: Buffer.from('garbage!'.repeat(8)) }
  t.match((await openImage(icon([damaged, good]))).metadata, { format: 'ico', width: 4 })

  const upperRow = Buffer.from('f0000000000000000000000000000000', 'hex')
  const topDown = iconBitmap({ ...options, topDown: true }, dot, () => false)
  const content = Buffer.concat([topDown.subarray(0, -upperRow.length), upperRow])
  const { data } = await pixelsOf(icon([{ ...options, content }]))
  t.strictSame([data[3], data[4 * 4 * 4 - 1]], [0, 255])
})
