// What the pages do beyond links: the player moves a line along the timeline and marks what is being said,
// times and the timeline make it jump, and a page on which something is going on asks again.
(function () {
    'use strict';

    var player = document.getElementById('player');
    var timeline = document.getElementById('timeline');
    var position = document.getElementById('position');
    var lines = Array.prototype.map.call(document.querySelectorAll('.talk .turn'), function (element) {
        return { element: element, from: Number(element.dataset.fromMs), to: Number(element.dataset.toMs) };
    });

    // Milliseconds since the call's first stream began, of the player's seconds.
    function callMs() {
        return player.currentTime * 1000 - Number(player.dataset.leadMs);
    }

    function show() {
        var ms = callMs();

        if (position) {
            var at = Math.min(Math.max(ms / Number(timeline.dataset.lengthMs), 0), 1) * 100 + '%';

            position.setAttribute('x1', at);
            position.setAttribute('x2', at);
            position.setAttribute('visibility', 'visible');
        }
        lines.forEach(function (line) {
            line.element.classList.toggle('now', !player.paused && ms >= line.from && ms < line.to);
        });
    }

    function follow() {
        show();
        if (!player.paused && !player.ended)
            requestAnimationFrame(follow);
    }

    function playFrom(recordingMs) {
        player.currentTime = Math.max(recordingMs, 0) / 1000;
        player.play().catch(function () { /* the player itself shows that it cannot */ });
    }

    function watchPlayer() {
        player.addEventListener('play', follow);
        player.addEventListener('pause', show);
        player.addEventListener('seeked', show);
        document.addEventListener('click', function (event) {
            var link = event.target.closest('[data-recording-ms]');

            if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
                event.preventDefault();
                playFrom(Number(link.dataset.recordingMs));
            }
        });
        if (timeline) {
            timeline.classList.add('seekable');
            timeline.addEventListener('click', function (event) {
                var box = timeline.getBoundingClientRect();
                var part = (event.clientX - box.left) / box.width;

                playFrom(part * Number(timeline.dataset.lengthMs) + Number(player.dataset.leadMs));
            });
        }
    }

    // Not while somebody listens, has something unfolded or is choosing.
    function isBusy() {
        return (player && !player.paused) || document.querySelector('details[open]') || document.hidden ||
            (document.activeElement && document.activeElement.tagName === 'SELECT');
    }

    function watchRecord(seconds) {
        setInterval(function () {
            if (!isBusy())
                location.reload();
        }, seconds * 1000);
    }

    if (player)
        watchPlayer();
    if (document.body.dataset.refreshS)
        watchRecord(Number(document.body.dataset.refreshS));
}());
