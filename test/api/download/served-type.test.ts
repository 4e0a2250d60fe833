import t from 'tap'
import { servedType } from '../../../services/api/download/served-type.ts'

t.test('a type that no browser executes is sent unchanged', async t => {
  const types = [
    'text/plain',
    'text/plain;charset=utf-8',
    'image/png',
    'IMAGE/JPEG',
    'application/pdf',
    'video/mp4',
    'text/csv',
  ]
  for (const type of types) t.equal(servedType(type), type)
})

t.test('a type that a browser could execute, or an unknown type, is sent as bytes', async t => {
  const types = [
    'text/html',
    'TEXT/HTML; charset=utf-8',
    ' text/html',
    'text/html,text/plain',
    'text/plain,text/html',
    'image/svg+xml',
    'application/xhtml+xml',
    'text/xml',
    'application/xml',
    'text/javascript',
    'application/javascript',
    'text/css',
    'application/x-shockwave-flash',
    'multipart/related',
    'message/rfc822',
    'text/plain\r\nx: y',
    'text/plain;charset=ü',
    'text',
    '',
    undefined,
  ]
  for (const type of types) t.equal(servedType(type), 'application/octet-stream', String(type))
})
