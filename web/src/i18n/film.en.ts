/** What is read where a phone is a camera, in English; a part of `en.ts`. */
import type { FilmMessages } from './film.zh'

export const filmEn: FilmMessages = {
  film: {
    title: 'Show the scene',
    lead: 'Let the control room see what you see',
    facts: {
      wall: 'Your picture is on the wall of the control room at once',
      watched: 'The computer looks for smoke, fire and people, and raises an alert when it finds something',
      recorded: 'All of it is recorded, kept and deleted as the village has laid down; no sound',
      place: 'Where you are goes along if the phone allows it, so that help finds you',
    },
    start: 'Start filming',
    again: 'Film again',
    stop: 'Stop filming',
    switch: 'Switch camera',
    opening: 'Opening the camera…',
    connecting: 'Connecting to the control room…',
    live: 'Live',
    down: 'Not live',
    seen: 'The control room can see it',
    waiting: 'The line is down; connecting again…',
    lost: 'The network is gone',
    noWay: 'No way to the control room; try another network, or where the signal is better',
    viewers: '{n} watching',
    noViewers: 'Nobody watching yet',
    placed: 'Place sent along',
    notPlaced: 'No place',
    ended: 'You are not live any more',
    endedHint: 'It was recorded; the control room can look back at it. {t} in all.',
    off: 'Phones are not cameras in this village; ask the administrator.',
    hidden: 'The picture stops when you leave this page; keep it open.',
    fault: {
      insecure:
        'The camera works over https alone. Open this page with https://; if there is none, the administrator must set up a certificate.',
      unable: 'This browser cannot film. Open the page in Chrome or in the browser that came with the phone.',
      denied: 'The camera is not allowed. Press the icon left of the address, allow “Camera”, and try again.',
      none: 'No camera was found.',
      busy: 'Another app is using the camera. Close it and try again.',
    },
    mark: 'Phone',
    since: 'live for {t}',
    crew: 'Phones on site',
    slot: 'Phone {n}',
    earlier: 'Phones that filmed earlier',
  },
}
