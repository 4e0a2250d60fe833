import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { bmp, icon, iconBitmap, type PixelAt } from '../../worker/transforms/bitmaps.ts'
import {
  AFTER_IHDR,
  inserted,
  pngChunk,
  shaded,
  withScanHeader,
  xmpOf,
} from '../../worker/transforms/damaged-images.ts'
import type { FieldCase, FieldFile } from '../field-case.ts'

const [WIDTH, HEIGHT] = [640, 400]
const picture = () => shaded(WIDTH, HEIGHT)
const jpeg = await picture().jpeg().toBuffer()
const progressive = await picture().jpeg({ progressive: true }).toBuffer()
const png = await picture().png().toBuffer()
const gif = await picture().gif().toBuffer()
const webp = await picture().webp().toBuffer()
const turned = (orientation: number) => picture().withMetadata({ orientation })
const xmp = picture().withXmp(xmpOf(6))
const frames = await sharp(
  await Promise.all(
    ['#f00', '#0f0'].map(background =>
      sharp({ create: { width: 64, height: 40, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  ),
  { join: { animated: true } },
)
  .gif()
  .toBuffer()

const blue: PixelAt = () => [0, 0, 255, 255]
const svg = (attributes: string, before = '') =>
  `${before}<svg xmlns="http://www.w3.org/2000/svg" ${attributes}><circle cx="50" cy="50" r="40"/></svg>`

/** The files by name. Each is a photo of the usual size, unless another thumbnail size is given. */
function shown(
  type: string,
  images: Readonly<Record<string, string | Uint8Array>>,
  expected: FieldFile = {},
): FieldCase[] {
  return Object.entries(images).map(([what, body]) => ({
    what,
    send: { filename: 'a', contentType: type, body },
    expected: { image: [320, 200], transform: 'image', further: ['metadata.json'], ...expected },
  }))
}

/** The beginning of a file, by default half of it. */
const cut = (bytes: Buffer, part = 0.5) => bytes.subarray(0, bytes.length * part)

const odd: readonly FieldCase[] = [
  ...shown('image/jpeg', {
    'a JPEG in a raw body': jpeg,
    'a progressive JPEG': progressive,
    'a JPEG whose scan says that it has no coefficients, as phones of Samsung write it': withScanHeader(
      jpeg,
      [0, 0, 0],
    ),
    'a JPEG whose scan says that it is refined': withScanHeader(jpeg, [0, 63, 0x21]),
    'a JPEG with four NULs at byte 20': inserted(jpeg, 20, Buffer.alloc(4)),
    'a JPEG with text between its segments': inserted(jpeg, 20, Buffer.from('between')),
    'a JPEG with bytes of a camera behind it': Buffer.concat([jpeg, Buffer.from('SEFH'), Buffer.alloc(2_000)]),
    'a JPEG that begins again behind its end': Buffer.concat([jpeg, jpeg]),
    'a JPEG in CMYK': await picture().toColourspace('cmyk').jpeg().toBuffer(),
    'a grey JPEG': await picture().greyscale().jpeg().toBuffer(),
    'a JPEG of full colour resolution': await picture().jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(),
    'a JPEG with EXIF and four NULs in it': inserted(await turned(1).jpeg().toBuffer(), 20, Buffer.alloc(4)),
  }),
  ...shown('image/png', {
    'a PNG': png,
    'an interlaced PNG': await picture().png({ progressive: true }).toBuffer(),
    'a PNG of 16 bits': await picture().toColourspace('rgb16').png().toBuffer(),
    'a PNG of 16 bits in grey': await picture().greyscale().toColourspace('grey16').png().toBuffer(),
    'a PNG with a palette': await picture().png({ palette: true }).toBuffer(),
    'a PNG without its end': png.subarray(0, -12),
    'a PNG with a comment whose checksum is false': inserted(
      png,
      AFTER_IHDR,
      pngChunk('tEXt', Buffer.from('A\0b'), true),
    ),
    'a PNG with a chunk that nobody knows': inserted(png, AFTER_IHDR, pngChunk('quRk', Buffer.from('b'))),
    'a PNG with text behind it': Buffer.concat([png, Buffer.from('behind')]),
    'a PNG with an alpha channel': await picture().ensureAlpha(0.5).png().toBuffer(),
  }),
  ...shown('image/webp', {
    'a WebP': webp,
    'a lossless WebP': await picture().webp({ lossless: true }).toBuffer(),
  }),
  ...shown('image/gif', { 'a GIF': gif, 'a GIF with bytes behind it': Buffer.concat([gif, Buffer.from('behind')]) }),
  ...shown('image/gif', { 'a GIF that moves': frames }, { image: [64, 40] }),
  ...shown('image/avif', { 'an AVIF': await picture().avif({ effort: 0 }).toBuffer() }),
  ...shown('image/tiff', {
    'a TIFF': await picture().tiff({ compression: 'lzw' }).toBuffer(),
    'a TIFF of 16 bits': await picture().toColourspace('rgb16').tiff({ compression: 'deflate' }).toBuffer(),
  }),
]

/** The upload tells its owner that the image is incomplete. */
const noted: FieldFile = { upload: { outputs: [{ name: 'main', note: /^The image is damaged \(.+\)\./ }] } }

const early: readonly FieldCase[] = [
  ...shown(
    'image/jpeg',
    {
      'a JPEG that is cut before its end': jpeg.subarray(0, -2),
      'half a JPEG': cut(jpeg),
      'half a progressive JPEG': cut(progressive),
      'a tenth of a progressive JPEG missing': cut(progressive, 0.9),
    },
    noted,
  ),
  ...shown('image/png', { 'half a PNG': cut(png) }, noted),
  ...shown('image/gif', { 'half a GIF': cut(gif) }, noted),
  ...shown('image/webp', { 'half a WebP': cut(webp) }, noted),
]

const upright: readonly FieldCase[] = [
  ...shown(
    'image/jpeg',
    {
      'a JPEG that its EXIF turns': await turned(6).jpeg().toBuffer(),
      'a JPEG that its EXIF turns and mirrors': await turned(7).jpeg().toBuffer(),
      'a JPEG that its XMP turns': await xmp.clone().jpeg().toBuffer(),
      'a PNG that its EXIF turns': await turned(8).png().toBuffer(),
      'a PNG that its XMP turns': await xmp.clone().png().toBuffer(),
      'a WebP that its EXIF turns': await turned(5).webp().toBuffer(),
      'a TIFF that its tag turns': await turned(6).tiff().toBuffer(),
      'an AVIF that its container turns': await turned(6).avif({ effort: 0 }).toBuffer(),
    },
    { image: [200, 320] },
  ),
]

const drawings: readonly FieldCase[] = [
  ...shown(
    'image/svg+xml',
    {
      'an SVG': svg('width="100" height="100"'),
      'an SVG that has only a view box': svg('viewBox="0 0 100 100"'),
      'an SVG behind an XML declaration and a comment': svg(
        'width="100" height="100"',
        '<?xml version="1.0"?>\n<!-- a -->\n',
      ),
      'an SVG behind a byte order mark and a document type': svg(
        'width="100" height="100"',
        '\ufeff<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">',
      ),
    },
    { image: [100, 100] },
  ),
  ...shown(
    'application/octet-stream',
    { 'an SVG whose type says nothing': svg('width="90" height="90"') },
    { image: [90, 90] },
  ),
  ...shown(
    'image/bmp',
    {
      'a BMP': bmp({ width: 90, height: 60, bits: 24 }, blue),
      'a BMP of 16 bits': bmp({ width: 90, height: 60, bits: 16 }, blue),
    },
    { image: [90, 60] },
  ),
  ...shown(
    'image/x-icon',
    {
      'an icon': icon([
        {
          width: 48,
          height: 48,
          bits: 24,
          content: iconBitmap({ width: 48, height: 48, bits: 24 }, blue, () => false),
        },
      ]),
    },
    { image: [48, 48] },
  ),
  ...shown('text/xml', { 'an SVG that is called XML': svg('width="80" height="80"') }, { image: [80, 80] }),
  {
    what: 'an SVG that is called a text',
    send: { filename: 'a.svg', contentType: 'text/plain', body: '<svg/>' },
    expected: { transform: 'upper-case', text: '<SVG/>' },
  },
]

const refused: readonly FieldCase[] = (
  [
    [
      'a photo of a phone in HEIC',
      'image/heic',
      Buffer.from('0000001466747970686569630000000068656963', 'hex'),
      /the decoder of image\/heic reports "/,
    ],
    [
      'an icon without a picture',
      'image/x-icon',
      Buffer.from('00000100010001010000010020003000000016000000', 'hex'),
      /cannot be read: /,
    ],
    [
      'an SVG that is not well-formed',
      'image/svg+xml',
      '<svg xmlns="http://www.w3.org/2000/svg"><g></svg>',
      /cannot be read: /,
    ],
    ['the header of a JPEG', 'image/jpeg', jpeg.subarray(0, 100), /cannot be read: /],
    ['the header of a PNG', 'image/png', png.subarray(0, png.indexOf('IDAT') + 8), /No part of it is visible/],
  ] as const
).map(([what, contentType, body, failed]) => ({
  what: `${what}, which cannot be shown`,
  send: { filename: 'a', contentType, body },
  expected: { failed },
}))

const others: readonly FieldCase[] = [
  {
    what: 'a packed SVG is what its bytes are',
    send: { filename: 'a.gz', contentType: 'application/gzip', body: gzipSync(svg('width="9"')) },
    expected: { transform: 'digest' },
  },
  {
    what: 'a picture of a program that no browser shows',
    send: {
      filename: 'a.psd',
      contentType: 'image/vnd.adobe.photoshop',
      body: Buffer.from('384250530001000000000000000300000001', 'hex'),
    },
    expected: { transform: 'digest' },
  },
]

export const images: readonly FieldCase[] = [...odd, ...early, ...upright, ...drawings, ...refused, ...others]
