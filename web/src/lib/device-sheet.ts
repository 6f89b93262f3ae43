/**
 * The devices page as a file to take away, in the reader's language, and the words of it that are not plain text.
 *
 * Promises: moments are ISO 8601 in UTC, figures are bare numbers. Not here: which rows, how a cell is quoted (`devices.ts`).
 */
import { useI18n } from 'vue-i18n'
import { csv, type Row, type StreamRole } from './devices'

/** What broke a stream, in words; one that has none yet is said as it is. */
export function useCause(): (cause: string) => string {
  const { t, te } = useI18n()
  return (cause) => (te(`devices.cause.${cause}`) ? t(`devices.cause.${cause}`) : cause)
}

export function useSheet(): (rows: readonly Row[], role: StreamRole) => string {
  const { t } = useI18n()
  const causeOf = useCause()
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  const words = (keys: string[]) => keys.map((key) => t(`devices.${key}`))

  const head = () => [
    'id',
    ...words(['name', 'group', 'stream', 'state', 'since', 'reason', 'codec', 'size', 'fps']),
    `${t('devices.bitrate')} (bit/s)`,
    `${t('devices.gop')} (s)`,
    ...words(['looks', 'reconnects', 'causes', 'shed', 'lastPicture', 'recordingMode', 'recording']),
    `${t('devices.disk')} (byte)`,
    t('devices.oldest'),
  ]
  const line = (r: Row, role: StreamRole) => [
    r.id,
    r.name,
    r.group,
    t(`devices.${role}`),
    t(`state.${r.state}`),
    iso(r.since),
    r.reason,
    r.codec,
    r.width ? `${r.width}×${r.height}` : null,
    Number(r.fps.toFixed(2)),
    Math.round(r.bits),
    r.gop === null ? null : Number(r.gop.toFixed(2)),
    Number(r.looks.toFixed(2)),
    r.reconnects,
    r.failures.map(([cause, n]) => `${causeOf(cause)} ${n}`).join('; '),
    r.shed,
    iso(r.lastPicture),
    r.mode === null ? null : t(`devices.mode.${r.mode}`),
    t(`devices.recordingState.${r.recording ?? 'unknown'}`),
    r.size,
    iso(r.oldest),
  ]
  return (rows, role) => csv([head(), ...rows.map((r) => line(r, role))])
}
