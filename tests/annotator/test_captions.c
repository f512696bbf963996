/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole answers: those with the faults of published examples are flagged, careful ones are left in
 * peace. Captions are in the manner of MusicCaps, written for this test. Goals: every fault found,
 * fewer than 5 of 100 careful answers with any finding at all. */
#include "tests/support/lint_fixture.h"

#include <stdlib.h>
#include <string.h>

/* The faults of annotation.md's showcase, in sentences of our own. `want`: must be among the
 * findings. */
static const LintCase faulty[] = {
    LINT_CASE("genre=new-age mood=calm voice=rap instrument=drum-machine",
              "A mix of alternative hip-hop and pop with a heavy beat. Rap-style vocals run over a "
              "drum machine in a calm mood.",
              "contradiction genre 'hip-hop'"),
    LINT_CASE("genre=classical mood=calm instrument=synth-pad voice=none",
              "An ambient/chillout piece with wide synthesizers that swell and fade. The mood is "
              "calm and there is no beat.",
              "contradiction genre 'chillout'"),
    LINT_CASE(
        "genre=country mood=energetic instrument=synth-lead,drum-machine",
        "A track of the electronic dance genre with a pumping kick. A bright synth lead plays "
        "an energetic melody.",
        "contradiction genre 'electronic dance'"),
    LINT_CASE("genre=metal mood=aggressive instrument=distorted-guitar,drums,bass-guitar "
              "voice=scream",
              "Distorted guitars play fast riffs. The drums hammer with double kick. The bass "
              "follows the guitars. Screaming vocals complete the aggressive mood.",
              "!sentences text"),
    LINT_CASE("genre=jazz mood=calm instrument=piano",
              "A contemtemporary jazz piece in which a calm piano improvises over slow chords.",
              "spelling text 'contemtemporary'"),
    LINT_CASE("genre=latin mood=happy instrument=brass,hand-percussion",
              "A happy Latin piece with congas and possibly horns, of the kind that is danced to.",
              "hedge text 'possibly'"),
    LINT_CASE("genre=jazz mood=calm instrument=piano",
              "A contemporary jazz composition from the 80s.", "content text"),
};

static bool needs_dictionary(const LintCase *test)
{
    return mel_starts_with(test->want, "spelling");
}

static void every_fault_of_the_showcase_is_found(void **state)
{
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    for (size_t i = 0; i < MEL_COUNT(faulty); i++) {
        if (needs_dictionary(&faulty[i]) && !mel_spelling_ready(fixture->spelling)) continue;
        lint_case(fixture, &faulty[i], true, true, &findings);
        char *got = lint_summary(&findings, faulty[i].text, ~0u);
        if (!strstr(got, faulty[i].want))
            fail_msg("\"%s\" gives %s, wanted %s", faulty[i].text, got, faulty[i].want);
        free(got);
    }
    mel_lint_findings_clear(&findings);
}

#define CLEAN(fields, text) LINT_CASE(fields, text, "")
#define CLEAN_OF(fields, text, title, channel) LINT_SOURCED(fields, text, "", title, channel, NULL)

static const LintCase careful[] = {
    CLEAN("genre=rock tempo=fast voice=lead-male mood=energetic "
          "instrument=electric-guitar,bass-guitar,drums",
          "This rock song features a male vocalist singing energetically. Electric guitars play "
          "power chords over a driving bass line and loud drums. The mood is youthful and wild."),
    CLEAN(
        "genre=jazz tempo=slow voice=lead-female mood=romantic instrument=piano,double-bass,drums",
        "A slow jazz ballad with a smoky female voice. The piano comps softly while an upright "
        "bass walks and the drummer uses brushes. It feels romantic and late at night."),
    CLEAN("genre=classical tempo=moderate voice=none mood=solemn instrument=violin,viola,cello",
          "A string quartet plays a stately theme in a minor key. The first violin carries the "
          "melody, and the cello answers in long notes. The recording has the reverb of a church."),
    CLEAN("genre=electronic tempo=fast bpm=128 voice=none mood=energetic "
          "instrument=drum-machine,synth-bass,synth-lead",
          "A house track at 128 BPM with a four-on-the-floor kick and open hi-hats. A bouncy synth "
          "bass and a bright synth lead repeat a catchy hook. It would suit a crowded club."),
    CLEAN(
        "genre=hip-hop tempo=moderate voice=rap mood=dark instrument=drum-machine,synth-bass,piano",
        "A male rapper delivers a fast flow over a trap beat with rolling hi-hats. A dark piano "
        "loop repeats in the background with a deep 808 bass. The atmosphere is menacing."),
    CLEAN("genre=folk-acoustic tempo=moderate voice=lead-female mood=tender "
          "instrument=acoustic-guitar",
          "A woman sings a tender melody accompanied only by a fingerpicked acoustic guitar. The "
          "recording is intimate and dry. The words tell of home."),
    CLEAN("genre=country tempo=moderate voice=lead-male mood=nostalgic "
          "instrument=acoustic-guitar,slide-guitar,violin,drums,bass-guitar",
          "A country song with a twangy male lead voice. Pedal steel guitar and fiddle trade "
          "phrases over a train beat on the snare. It sounds nostalgic and warm."),
    CLEAN("genre=blues tempo=slow voice=lead-male mood=sad "
          "instrument=electric-guitar,harmonica,bass-guitar,drums",
          "A slow twelve-bar blues in shuffle feel. A hoarse male singer alternates with a crying "
          "harmonica and a clean electric guitar. The bass and drums keep a lazy backbeat."),
    CLEAN("genre=latin tempo=fast voice=lead-male,backing mood=happy "
          "instrument=brass,piano,hand-percussion,bass-guitar,bell",
          "A lively salsa number with a syncopated piano montuno. Trumpets and trombones punch "
          "accents over congas and a cowbell. A male lead sings and a backing choir answers."),
    CLEAN("genre=metal tempo=very-fast voice=scream mood=aggressive "
          "instrument=distorted-guitar,bass-guitar,drums",
          "Heavily distorted guitars chug in unison over blast beats. A growling voice screams in "
          "short bursts. The mix is dense and brutal."),
    CLEAN("genre=new-age tempo=none voice=none mood=meditative instrument=synth-pad,bell,nature",
          "Long synth pads drift without a pulse while wind chimes ring now and then. Birdsong and "
          "running water are heard throughout. The music is meditative and spacious."),
    CLEAN("genre=pop tempo=fast voice=lead-female,backing mood=happy "
          "instrument=synth-lead,drum-machine,synth-bass,claps",
          "An upbeat pop song with a bright female lead vocal and layered harmonies. Handclaps, a "
          "punchy drum machine and a bubbly synth bass drive the chorus. The mood is carefree."),
    CLEAN("genre=r-and-b tempo=slow voice=lead-male,backing mood=sensual "
          "instrument=electric-piano,bass-guitar,drums",
          "A smooth R&B slow jam with a falsetto male lead. Electric piano chords shimmer over a "
          "round bass and a laid-back drum groove. The mood is sensual."),
    CLEAN("genre=world-traditional tempo=moderate voice=chant mood=solemn "
          "instrument=hand-percussion,didgeridoo",
          "A didgeridoo drones under steady clapsticks and hand drums. Men chant in a call and "
          "response. The sound is raw and ceremonial."),
    CLEAN("genre=easy-listening tempo=slow voice=none mood=calm "
          "instrument=piano,strings,drums,double-bass",
          "A gentle instrumental with a piano melody and lush strings behind it. Soft drums and a "
          "double bass keep time. It is relaxing lounge music for a hotel lobby."),
    CLEAN_OF("genre=classical tempo=slow voice=none mood=melancholic instrument=piano",
             "A solo piano plays a melancholic nocturne with wide left-hand arpeggios. The tempo "
             "bends freely. The recording is old and slightly noisy.",
             "Nocturne in E minor - solo piano (live)", "Piano Society"),
    CLEAN_OF(
        "genre=folk-acoustic tempo=fast voice=none mood=joyful "
        "instrument=violin,flute,hand-percussion,acoustic-guitar",
        "A lively Irish jig led by a fiddle and a wooden flute. A bodhrán keeps the pulse and an "
        "acoustic guitar strums along. It makes people want to dance.",
        "Irish Jigs and Reels - Galway street session", "Celtic Music Channel"),
    CLEAN_OF("genre=latin tempo=moderate voice=none mood=romantic instrument=classical-guitar",
             "A classical guitar plays a flowing tremolo melody over a walking thumb bass line. "
             "The harmony is Spanish in color, with Phrygian cadences.",
             "Spanish Romance - classical guitar", "Guitar Lessons"),
    CLEAN_OF("genre=rock tempo=moderate voice=none mood=energetic "
             "instrument=electric-guitar,distorted-guitar",
             "An overdriven electric guitar plays a pentatonic solo with bends and vibrato. There "
             "is no accompaniment. The amateur recording has some room noise.",
             "Beginner guitar lesson: pentatonic solo", "Rock Guitar Academy"),
    CLEAN("genre=jazz tempo=fast voice=none mood=exciting "
          "instrument=saxophone,double-bass,drums,piano",
          "A fast bebop tune with a virtuosic alto saxophone solo. The rhythm section swings hard "
          "with ride cymbal, walking bass and piano comping. The crowd cheers at the end."),
    CLEAN("genre=hip-hop tempo=moderate bpm=90 voice=none mood=nostalgic "
          "instrument=sampler,drum-machine,electric-piano,bass-guitar",
          "A lo-fi hip-hop instrumental at 90 BPM with vinyl crackle. Mellow Rhodes chords and a "
          "dusty drum loop repeat over a soft bass line. It feels nostalgic and sleepy."),
    CLEAN(
        "genre=electronic tempo=very-fast bpm=174 voice=none mood=dark "
        "instrument=drum-machine,synth-bass,synth-pad",
        "A drum and bass track with a rolling breakbeat at 174 BPM. The distorted sub bass growls "
        "beneath icy pads. The mood is dark and futuristic."),
    CLEAN("genre=classical tempo=variable voice=none mood=epic "
          "instrument=strings,brass,timpani,cymbals,horn",
          "A full orchestra builds to a triumphant climax. French horns carry the theme over "
          "tremolo strings, timpani rolls and crashing cymbals. It sounds like the end of an "
          "adventure film."),
    CLEAN("genre=pop tempo=slow voice=lead-male mood=sad instrument=piano,strings",
          "An emotional pop ballad with a breathy male voice. Sustained piano chords and a quiet "
          "string section accompany him. The mood is sad and heartfelt."),
    CLEAN("genre=electronic tempo=slow voice=none mood=dreamy instrument=synth-pad,synth-arp",
          "An ambient electronic piece with slowly evolving pads. A sparkling synth arpeggio fades "
          "in and out with long delays. It is dreamy and weightless."),
    CLEAN("genre=country tempo=fast voice=none mood=playful "
          "instrument=banjo,mandolin,violin,double-bass,acoustic-guitar",
          "An instrumental bluegrass tune at breakneck speed. Banjo rolls, mandolin chops and a "
          "fiddle take turns over an acoustic guitar and an upright bass. It is playful."),
    CLEAN("genre=world-traditional tempo=slow voice=none mood=meditative "
          "instrument=sitar,hand-percussion",
          "A sitar explores a raga with slides and microtonal ornaments. A tabla joins with a soft "
          "cyclical pattern above a constant drone. The performance is meditative."),
    CLEAN("genre=rock tempo=moderate voice=lead-female mood=angry "
          "instrument=distorted-guitar,bass-guitar,drums",
          "A grunge song with fuzzy guitars and a snarling female singer. The verse is quiet and "
          "the chorus explodes with crashing drums. The overall mood is angry."),
    CLEAN("genre=metal tempo=moderate voice=none mood=dark instrument=distorted-guitar,drums",
          "A single palm-muted guitar riff in drop D is repeated with heavy distortion. Programmed "
          "drums follow the accents with double kick. There are no vocals."),
    CLEAN("genre=classical tempo=slow voice=choir mood=solemn instrument=organ,choir",
          "A mixed choir sings a slow chorale in four parts. A church organ doubles the voices and "
          "holds the bass. The long reverb suggests a cathedral."),
    CLEAN("genre=latin tempo=moderate voice=lead-female mood=calm "
          "instrument=classical-guitar,hand-percussion,double-bass",
          "A soft bossa nova with a whispering female voice. Nylon-string guitar plays syncopated "
          "chords over light percussion and a double bass. It is calm and sunny."),
    CLEAN(
        "genre=pop tempo=fast voice=lead-male,backing mood=energetic "
        "instrument=electric-guitar,synth-lead,drums,bass-guitar",
        "A catchy pop rock song with a male lead and group shouts in the chorus. Muted guitars, a "
        "simple synth hook and tight drums push it forward. The energy is high."),
    CLEAN("genre=hip-hop tempo=slow voice=rap,lead-female mood=melancholic "
          "instrument=piano,drum-machine,synth-bass",
          "A melancholic rap song in which a male rapper tells a story. A female singer takes the "
          "hook over piano chords. The drum machine and bass stay sparse."),
    CLEAN("genre=easy-listening tempo=moderate voice=none mood=happy "
          "instrument=ukulele,whistle,claps,bell",
          "A cheerful ukulele strums simple chords while someone whistles the tune. Claps and a "
          "glockenspiel-like bell add sparkle. It sounds like music for an advert."),
    CLEAN(
        "genre=new-age tempo=very-slow voice=humming mood=peaceful instrument=harp,synth-pad,flute",
        "A harp plays slow broken chords under a breathy flute. A wordless humming voice blends "
        "with a warm pad. The music is peaceful and made for sleep."),
    CLEAN(
        "genre=blues tempo=moderate voice=none mood=groovy "
        "instrument=electric-guitar,organ,bass-guitar,drums",
        "An instrumental blues shuffle led by a clean electric guitar. A Hammond organ fills the "
        "gaps, and bass and drums lock into a groove. The solo uses blue notes and double stops."),
    CLEAN(
        "genre=r-and-b tempo=moderate voice=lead-female,backing mood=groovy "
        "instrument=bass-guitar,drums,electric-guitar,brass",
        "A funky soul groove with slap bass and scratchy rhythm guitar. A powerful female lead is "
        "answered by horn stabs and backing vocals. The feel is loose and danceable."),
    CLEAN(
        "genre=folk-acoustic tempo=slow voice=duet mood=melancholic "
        "instrument=acoustic-guitar,cello",
        "A male and a female voice sing in close harmony over a strummed acoustic guitar. A cello "
        "adds a countermelody in the second half. The song is melancholic and hushed."),
    CLEAN(
        "genre=unmatched tempo=moderate voice=lead-male mood=calm "
        "instrument=electric-guitar,organ,bass-guitar,drums",
        "A laid-back reggae tune with offbeat guitar skanks and a bubbling organ. The bass line is "
        "heavy and melodic, and the drums play one drop. A male singer sounds at ease."),
    CLEAN("genre=electronic tempo=very-fast voice=synthetic mood=exciting "
          "instrument=drum-machine,synth-lead,synth-bass",
          "A chiptune piece with square-wave leads and noise-channel percussion. A robotic voice "
          "shouts short phrases. It is fast-paced and sounds like an old video game."),
    CLEAN("genre=jazz tempo=moderate voice=none mood=playful "
          "instrument=clarinet,trumpet,trombone,tuba,banjo,drums",
          "A Dixieland band improvises collectively with clarinet, trumpet and trombone. A tuba "
          "marks the roots and a banjo strums four to the bar. The mood is playful."),
    CLEAN("genre=classical tempo=fast voice=none mood=exciting instrument=harpsichord,violin,cello",
          "A baroque concerto movement with rapid violin figures. A harpsichord and a cello supply "
          "the continuo. The phrases are sequenced and precise."),
    CLEAN("genre=world-traditional tempo=fast voice=lead-male,backing mood=joyful "
          "instrument=electric-guitar,bass-guitar,hand-percussion,drums,shaker",
          "Interlocking clean guitars play bright patterns in the African highlife manner. A "
          "male lead calls and a group responds. Shakers, congas and drums keep a dancing pulse."),
    CLEAN("genre=rock tempo=slow voice=lead-male mood=dreamy "
          "instrument=electric-guitar,bass-guitar,drums,synth-pad",
          "A shoegaze song with walls of reverberant guitar. The male voice is buried in the mix "
          "behind a hazy pad. Drums and bass move slowly and heavily."),
    CLEAN(
        "genre=pop tempo=moderate voice=lead-child,choir mood=happy instrument=piano,bell,strings",
        "A children's choir sings a Christmas song over sleigh bells and piano. Strings swell "
        "before the refrain. The mood is happy and festive."),
    CLEAN(
        "genre=electronic tempo=moderate voice=none mood=mysterious "
        "instrument=synth-pad,synth-arp,drum-machine",
        "Downtempo electronica with a hypnotic arpeggiated synth and a broken beat. Filter sweeps "
        "open over a mysterious pad. The stereo field is wide."),
    CLEAN(
        "genre=metal tempo=fast voice=lead-male mood=epic "
        "instrument=distorted-guitar,drums,bass-guitar,strings",
        "A power metal anthem with an operatic male tenor. Galloping guitars and double-kick drums "
        "race under orchestral strings. It sounds heroic."),
    CLEAN("genre=country tempo=slow voice=lead-female mood=lonely "
          "instrument=acoustic-guitar,slide-guitar,piano",
          "A lonely country ballad sung by a woman with a slight vibrato. A lap steel cries behind "
          "an acoustic guitar and sparse piano. There is no percussion."),
    CLEAN("genre=latin tempo=fast voice=lead-male mood=triumphant "
          "instrument=trumpet,violin,acoustic-guitar,bass-guitar",
          "A mariachi group plays a festive tune with two trumpets and violins in thirds. Guitars "
          "strum in a quick waltz. A male singer ends with a loud shout."),
    CLEAN("genre=jazz tempo=slow voice=none mood=calm instrument=vibraphone,double-bass,drums",
          "A cool jazz trio of vibraphone, upright bass and brushed drums. The theme is stated in "
          "octaves before a short solo. The mood is calm and reflective."),
    CLEAN("genre=hip-hop tempo=fast voice=rap mood=aggressive "
          "instrument=turntables,drum-machine,sampler",
          "An old-school hip-hop track with turntable scratches and a boom-bap beat. Two rappers "
          "trade lines aggressively. A chopped soul sample loops underneath."),
    CLEAN("genre=easy-listening tempo=slow voice=lead-male mood=romantic "
          "instrument=strings,piano,drums,double-bass",
          "A crooner sings a romantic melody over lush strings. Piano, brushed drums and a double "
          "bass swing gently. The recording sounds like the 1950s."),
    CLEAN("genre=classical tempo=moderate voice=lead-female mood=dramatic "
          "instrument=strings,flute,oboe",
          "A soprano sings a dramatic aria in Italian with wide vibrato. Strings accompany in "
          "repeated chords, and woodwinds echo her phrases. The hall is large."),
    CLEAN("genre=new-age tempo=slow voice=none mood=calm "
          "instrument=pan-flute,synth-pad,hand-percussion",
          "A pan flute plays an Andean melody over synthesizer pads. Soft hand percussion marks a "
          "slow beat. The piece is calm and evokes mountains."),
    CLEAN(
        "genre=unmatched tempo=none voice=none mood=tense instrument=strings,noise",
        "High strings hold dissonant clusters that slide upward. Metallic scrapes and white noise "
        "appear without rhythm. The tension never resolves."),
    CLEAN("genre=rock tempo=very-fast voice=lead-male,backing mood=energetic "
          "instrument=distorted-guitar,bass-guitar,drums",
          "A punk rock song with a shouting male singer and gang vocals. Distorted guitars strum "
          "downstrokes over a racing drum beat. It lasts only a few bars."),
    CLEAN("genre=folk-acoustic tempo=moderate voice=lead-male mood=hopeful "
          "instrument=acoustic-guitar,harmonica",
          "A male singer with a raspy voice plays acoustic guitar and harmonica by himself. The "
          "chords are simple and strummed evenly. The song is hopeful and plain."),
    CLEAN(
        "genre=electronic tempo=fast bpm=140 voice=lead-female mood=exciting "
        "instrument=synth-lead,synth-bass,drum-machine,synth-pad",
        "A trance anthem at 140 BPM that builds with snare rolls and risers. A female voice sings "
        "a short phrase drenched in reverb. Then a supersaw lead opens up."),
    CLEAN("genre=blues tempo=slow voice=lead-female mood=melancholic "
          "instrument=piano,double-bass,drums",
          "A deep female voice sings a slow blues with bent notes. Barrelhouse piano fills answer "
          "each line over upright bass and brushes. The recording crackles."),
    CLEAN(
        "genre=world-traditional tempo=moderate voice=none mood=mysterious "
        "instrument=koto,flute,hand-percussion",
        "A koto plucks a pentatonic melody with delicate bends. A bamboo flute enters with breathy "
        "swells, and a low drum is struck at long intervals. It feels mysterious."),
    CLEAN("genre=r-and-b tempo=moderate voice=lead-male,backing mood=happy "
          "instrument=organ,drums,bass-guitar,claps",
          "A gospel-flavored soul song with a shouting male lead. A Hammond organ, clapping and "
          "an energetic drummer support the backing voices. The mood is joyful."),
    CLEAN("genre=pop tempo=moderate voice=lead-female mood=dreamy "
          "instrument=synth-pad,drum-machine,electric-guitar",
          "A dream pop song with an airy female vocal doubled in octaves. Chorused guitar and soft "
          "synth pads float above a simple drum machine. The sound is hazy."),
    CLEAN(
        "genre=jazz tempo=fast voice=none mood=energetic "
        "instrument=brass,saxophone,drums,double-bass,piano",
        "A big band plays a swinging riff in full brass. Saxophones answer in close harmony while "
        "the drummer kicks the accents. A trumpet solo starts at the end of the clip."),
    CLEAN("genre=classical tempo=slow voice=none mood=tender instrument=cello,piano",
          "A cello plays a tender, singing melody in the middle register. The piano accompanies in "
          "even quavers. Both are recorded closely with little reverb."),
    CLEAN("genre=electronic tempo=moderate voice=none mood=groovy "
          "instrument=drum-machine,bass-guitar,electric-guitar,strings",
          "A nu-disco groove with a funky bass guitar and filtered strings. The kick is steady on "
          "every beat, and a muted guitar plays sixteenth notes. It is made for dancing."),
    CLEAN("genre=jazz tempo=moderate voice=none mood=romantic instrument=saxophone,electric-"
          "piano,bass-guitar,drums",
          "A tenor saxophone plays a sensual melody with a lot of breath in the tone. Underneath "
          "there are electric piano chords, a fretless bass and a light drum groove. This could "
          "be heard in a cocktail bar."),
    CLEAN("genre=rock tempo=fast voice=lead-male mood=nostalgic instrument=electric-"
          "guitar,drums,bass-guitar,organ",
          "A surf guitar drenched in spring reverb plays the main riff while the drummer hammers "
          "the toms. The singer has a nasal voice and sings about the beach. It sounds like a "
          "record from the early sixties."),
    CLEAN("genre=classical tempo=moderate voice=none mood=playful "
          "instrument=bassoon,clarinet,strings",
          "The bassoon introduces a comical staccato tune, which is then taken over by the "
          "clarinet. Pizzicato strings mark the beat. The piece is playful and clumsy."),
    CLEAN("genre=electronic tempo=moderate voice=none mood=tense instrument=synth-bass,synth-"
          "pad,drum-machine",
          "A pulsing synth bass in steady eighth notes creates tension. Dark pads swell in the "
          "background, and a distant kick drum enters halfway. It would fit a chase scene in a "
          "thriller."),
    CLEAN("genre=world-traditional tempo=fast voice=none mood=joyful "
          "instrument=accordion,violin,clarinet,double-bass",
          "A klezmer band plays a fast freylekhs in a minor mode. The clarinet laughs and slides,"
          " the violin follows in thirds and the accordion pumps the offbeats. Great for a "
          "wedding."),
    CLEAN("genre=hip-hop tempo=slow voice=rap,backing mood=dark instrument=drum-machine,synth-"
          "bass,bell",
          "Slow drill beat with sliding 808s and an eerie bell melody. The rapper has a deep "
          "voice and a relaxed flow, with ad-libs panned left and right. The overall mood is cold"
          " and threatening."),
    CLEAN("genre=pop tempo=moderate voice=lead-female mood=hopeful instrument=acoustic-"
          "guitar,piano,claps,bass-guitar",
          "The low quality recording features a young female vocalist singing over strummed "
          "acoustic guitar chords and a simple piano part. There are hand claps on two and four. "
          "The song is hopeful and easygoing."),
    CLEAN("genre=metal tempo=slow voice=scream mood=dark instrument=distorted-guitar,bass-"
          "guitar,drums",
          "Doom metal with extremely slow, downtuned riffs that ring out for several bars. A "
          "guttural voice growls from far away. The cymbals crash and decay, leaving room for "
          "feedback."),
    CLEAN("genre=latin tempo=moderate voice=duet mood=tender instrument=classical-guitar,hand-"
          "percussion",
          "A bolero sung by a man and a woman in parallel thirds. A requinto guitar decorates the"
          " end of each line, and bongos keep a soft eighth-note pattern. The mood is tender."),
    CLEAN("genre=folk-acoustic tempo=moderate voice=none mood=peaceful instrument=acoustic-guitar",
          "This is a recording of a person playing a steel-string guitar in an open tuning. The "
          "thumb keeps alternating bass notes while the fingers pick a syncopated melody. "
          "Peaceful and rural."),
    CLEAN("genre=blues tempo=fast voice=lead-male mood=joyful instrument=piano,drums,double-"
          "bass,saxophone",
          "A jump blues with a boogie-woogie left hand on the piano. The singer shouts happily "
          "and a saxophone honks replies. Drums and slapped upright bass swing hard."),
    CLEAN("genre=new-age tempo=none voice=none mood=meditative instrument=gong,bell",
          "Tibetan singing bowls are struck one after another and left to ring. Their overtones "
          "beat slowly against each other. There is no melody or rhythm, only resonance."),
    CLEAN("genre=country tempo=fast voice=lead-male,backing mood=energetic instrument=electric-"
          "guitar,drums,bass-guitar,banjo",
          "Modern country with a rock edge: crunchy guitars, big drums and a banjo tucked in the "
          "mix. A male singer with a southern drawl leads, and the band joins him in the chorus. "
          "It is made for driving."),
    CLEAN("genre=r-and-b tempo=slow voice=lead-female mood=sad instrument=electric-piano,synth-"
          "bass,drum-machine",
          "A female singer with a rich alto performs runs and melismas over muted keys. The drum "
          "machine uses rimshots and finger snaps, with a deep sub bass. The lyrics deal with a "
          "breakup."),
    CLEAN("genre=easy-listening tempo=moderate voice=none mood=calm "
          "instrument=vibraphone,flute,strings,drums",
          "Smooth elevator music with a flute and a vibraphone playing the tune in unison. "
          "Strings provide long chords and the drums are barely audible. Nothing disturbs."),
    CLEAN("genre=electronic tempo=fast voice=lead-female mood=happy instrument=synth-"
          "lead,piano,drum-machine,synth-bass",
          "Cheerful eurodance with a catchy female hook and stabbing piano chords. The kick pumps"
          " on every beat and the bass plays the offbeats. The sound is typical of the nineties."),
    CLEAN("genre=classical tempo=slow voice=none mood=sad instrument=strings,oboe,horn",
          "An oboe sings a mournful line over muted strings. A solo horn responds from a "
          "distance. The harmony is chromatic and full of suspensions."),
    CLEAN("genre=rock tempo=moderate voice=lead-male mood=groovy instrument=electric-guitar,bass-"
          "guitar,drums,organ",
          "A psychedelic jam with wah-wah guitar, a repetitive bass riff and a swirling organ. "
          "The drummer plays busy fills around a funky beat. A male voice appears briefly with "
          "echo."),
    CLEAN("genre=jazz tempo=variable voice=none mood=anxious instrument=saxophone,drums,double-"
          "bass",
          "A free jazz trio without a fixed pulse. The saxophone squeals and overblows, the bass "
          "is bowed harshly and the drums rumble. The music is nervous and dissonant."),
    CLEAN("genre=world-traditional tempo=slow voice=lead-male mood=melancholic "
          "instrument=classical-guitar,acoustic-guitar",
          "A Portuguese fado with a pleading male voice. A twelve-string Portuguese guitar weaves"
          " ornaments around the singer, and a classical guitar plays the bass notes. The "
          "audience is silent."),
    CLEAN("genre=pop tempo=fast voice=rap,lead-female mood=playful instrument=synth-lead,drum-"
          "machine,synth-bass",
          "A K-pop track that switches between sung and rapped parts. Bright synth brass, a "
          "bouncing bass and crisp drum programming keep it busy. The vocals are layered and "
          "playful."),
    CLEAN("genre=unmatched tempo=none voice=spoken mood=neutral instrument=nature",
          "A man speaks calmly in front of birds and wind. There is hardly any music, only a "
          "faint drone. His voice is close to the microphone."),
    CLEAN("genre=hip-hop tempo=moderate voice=none mood=energetic instrument=turntables",
          "A DJ performs scratch routines on two turntables. Vocal snippets are chopped, reversed"
          " and juggled in rhythm. The performance is energetic and precise."),
    CLEAN("genre=metal tempo=very-fast voice=none mood=exciting instrument=distorted-"
          "guitar,drums,bass-guitar",
          "Two harmonized lead guitars race through neoclassical scales at high speed. Drums and "
          "bass follow every accent. The passage ends with a dive bomb."),
    CLEAN("genre=folk-acoustic tempo=fast voice=lead-male,backing mood=joyful "
          "instrument=accordion,banjo,violin,shaker",
          "A sea shanty with a rough lead singer and a crowd that answers each line. An accordion"
          " and a fiddle double the tune while a tambourine and stomping feet mark the beat."),
    CLEAN("genre=classical tempo=fast voice=choir mood=triumphant "
          "instrument=choir,trumpet,timpani,strings,organ",
          "A large choir sings a jubilant chorus with running figures passed from part to part. "
          "High trumpets and timpani underline the cadences. The sound is festive and grand."),
    CLEAN("genre=latin tempo=fast voice=rap mood=exciting instrument=drum-machine,synth-"
          "lead,synth-bass",
          "A reggaeton track with the usual dembow rhythm and a pitched-down male voice rapping "
          "in Spanish. A plucky synth repeats four notes. The bass shakes the room."),
    CLEAN("genre=electronic tempo=slow voice=none mood=lonely instrument=piano,synth-pad,noise",
          "Sparse piano notes float over tape hiss and a cold pad. The delays pile up and "
          "dissolve. It evokes an empty city at night."),
    CLEAN("genre=jazz tempo=slow voice=lead-male mood=nostalgic "
          "instrument=brass,strings,piano,drums,double-bass",
          "A male crooner in front of a big band sings a nostalgic standard. Muted brass and "
          "strings answer softly. The rhythm section plays a relaxed two-feel."),
    CLEAN("genre=rock tempo=moderate voice=lead-female,backing mood=epic "
          "instrument=piano,electric-guitar,drums,bass-guitar,choir",
          "A power ballad that grows from solo piano to the full band. The female singer belts "
          "the last chorus with a choir behind her. A guitar solo soars on top."),
    CLEAN("genre=blues tempo=slow voice=lead-male mood=lonely instrument=slide-guitar",
          "A lone man sings and plays slide guitar on a resonator. The old recording is full of "
          "crackle and the timing is free. His voice is rough and sorrowful."),
    CLEAN("genre=country tempo=moderate voice=duet mood=romantic instrument=acoustic-"
          "guitar,slide-guitar,bass-guitar,drums,piano",
          "A country waltz sung as a duet, the two singers taking one verse each. Steel guitar "
          "glides between the lines. The drummer uses brushes and the piano adds tremolos."),
    CLEAN("genre=easy-listening tempo=slow voice=none mood=dreamy "
          "instrument=harp,strings,flute,bell",
          "Dreamy film music with harp glissandos, a celesta and high strings. A flute plays a "
          "lullaby. The orchestra never gets louder than a whisper."),
    CLEAN("genre=world-traditional tempo=fast voice=chant,backing mood=exciting instrument=hand-"
          "percussion,shaker,bell",
          "An ensemble of West African drums plays dense interlocking rhythms led by a bell "
          "pattern. Voices chant short phrases in unison. People clap and cheer along."),
    CLEAN("genre=rock tempo=fast voice=lead-male,backing mood=happy instrument=electric-"
          "guitar,bass-guitar,drums,piano",
          "A cheerful rock and roll number with a hammering piano and a twangy lead guitar. The "
          "male vocalist yelps and hiccups his lines, backed by a doo-wop group. Perfect for a "
          "jukebox in a diner."),
    CLEAN("genre=classical tempo=slow voice=none mood=mysterious instrument=piano",
          "Solo piano in an impressionist style, full of whole-tone runs and parallel chords. The"
          " pedal blurs the harmonies. The dynamics stay between very soft and soft."),
    CLEAN("genre=electronic tempo=fast voice=none mood=energetic instrument=synth-lead,drum-"
          "machine,synth-bass",
          "An energetic psytrance loop with a galloping sixteenth-note bassline and acid "
          "squelches. The kick is short and dry. Filters open gradually toward a drop."),
    CLEAN("genre=hip-hop tempo=moderate voice=rap,lead-female mood=nostalgic "
          "instrument=drums,bass-guitar,electric-piano,sampler",
          "A jazzy boom-bap beat with brushed snares and a warm bass. The emcee raps with an "
          "easy, conversational delivery. A soulful female hook enters with doubled harmonies."),
    CLEAN("genre=jazz tempo=fast voice=lead-female mood=playful instrument=piano,double-"
          "bass,drums",
          "A female jazz singer scats over a brisk swing rhythm. She trades fours with the "
          "drummer while piano and bass lay out. The audience laughs and applauds."),
    CLEAN("genre=world-traditional tempo=moderate voice=lead-female mood=solemn "
          "instrument=strings,hand-percussion,flute",
          "An Arabic ensemble with violins in unison, a ney and a frame drum. The woman sings "
          "long melismatic phrases with quarter-tone inflections. The instruments echo the end of"
          " every phrase."),
    CLEAN("genre=pop tempo=fast voice=lead-male mood=romantic instrument=synth-pad,synth-"
          "bass,drum-machine,electric-guitar",
          "An eighties-style pop tune with gated drums, glassy synth pads and a chorused guitar. "
          "The man has a high, clear voice and sings about love. The chorus modulates up a tone."),
    CLEAN("genre=metal tempo=fast voice=lead-female,scream mood=dramatic instrument=distorted-"
          "guitar,drums,bass-guitar,strings",
          "Symphonic metal with an operatic soprano and harsh male growls. Strings and choir "
          "patches thicken the rhythm guitars. Double bass drums roll under the chorus."),
    CLEAN("genre=folk-acoustic tempo=slow voice=lead-female mood=sad instrument=harp,flute",
          "A woman sings a Gaelic lament, unaccompanied at first. A harp enters with single notes"
          " and a low whistle sighs in between. The mood is sad and distant."),
    CLEAN("genre=latin tempo=fast voice=choir mood=joyful instrument=hand-"
          "percussion,drums,whistle",
          "A samba school batucada with surdos, snares, tamborims and cuicas. A whistle signals "
          "the breaks. A crowd of voices sings the refrain in unison."),
    CLEAN("genre=new-age tempo=slow voice=none mood=peaceful instrument=piano,nature,synth-pad",
          "Calm piano improvisation in a major key over the sound of waves. A soft pad breathes "
          "in the background. Suitable for yoga or massage."),
    CLEAN("genre=r-and-b tempo=moderate voice=duet mood=romantic instrument=electric-"
          "guitar,drums,bass-guitar,electric-piano",
          "Two voices, one male and one female, trade verses in a contemporary R&B ballad. Clean "
          "guitar licks and Rhodes chords decorate the groove. The bass is warm and sits behind "
          "the beat."),
    CLEAN("genre=country tempo=moderate voice=lead-male mood=funny instrument=banjo,acoustic-"
          "guitar,double-bass",
          "A humorous novelty song with a banjo and a boom-chick guitar. The singer half talks "
          "his verses with a wink. A slide whistle punctuates the jokes."),
    CLEAN("genre=blues tempo=moderate voice=none mood=dark instrument=electric-guitar,drums,bass-"
          "guitar",
          "A gritty instrumental blues with a stomping drum pattern. The guitar is tuned low and "
          "plays a hypnotic one-chord riff with a bottleneck. The amp breaks up on loud notes."),
    CLEAN("genre=easy-listening tempo=slow voice=choir mood=dreamy instrument=strings,choir,harp",
          "A wordless choir hums over sweeping strings and harp runs. The arrangement recalls old"
          " Hollywood films. It is sentimental and polished."),
    CLEAN("genre=electronic tempo=none voice=none mood=dark instrument=noise,synth-pad",
          "Dark ambient with low rumbles, metallic echoes and bursts of static. No beat or melody"
          " can be made out. The atmosphere is claustrophobic."),
    CLEAN("genre=classical tempo=fast voice=none mood=joyful "
          "instrument=trumpet,strings,oboe,timpani",
          "A brilliant Baroque overture with dotted rhythms. Natural trumpets and oboes alternate"
          " with the strings, and timpani mark the cadences. The playing is crisp and period-"
          "informed."),
    CLEAN("genre=rock tempo=slow voice=none mood=melancholic instrument=electric-"
          "guitar,drums,bass-guitar,synth-pad",
          "Post-rock built on clean guitar arpeggios with delay. The drums enter with soft "
          "mallets and the volume swells over minutes. The tone is melancholic but warm."),
    CLEAN("genre=jazz tempo=slow voice=none mood=lonely instrument=trumpet,piano,double-"
          "bass,drums",
          "A Harmon-muted trumpet plays a sparse ballad melody with long pauses. The pianist "
          "answers in rootless voicings and the drummer stirs the snare with brushes. It feels "
          "lonely and blue."),
    CLEAN("genre=hip-hop tempo=moderate voice=rap mood=angry instrument=distorted-"
          "guitar,drums,bass-guitar,turntables",
          "A rap-rock track with a shouting rapper over a heavy guitar riff. Turntable scratches "
          "fill the gaps between lines. The drummer hits hard and slightly behind the beat."),
    CLEAN("genre=pop tempo=slow voice=lead-female mood=tender instrument=piano,cello",
          "A soft piano ballad with a close-miked female vocal, breaths included. A cello joins "
          "in the second verse. There are no drums at all."),
    CLEAN("genre=world-traditional tempo=very-fast voice=none mood=exciting "
          "instrument=brass,drums",
          "A Balkan brass orchestra storms through a tune in 7/8. Tapan drum and snare drive the "
          "tubas' offbeats while the trumpets play tight ornaments. The tempo is very fast."),
    CLEAN("genre=electronic tempo=moderate voice=none mood=groovy instrument=drum-machine,synth-"
          "bass,electric-piano,vibraphone",
          "Deep house with a swung hi-hat, a round bass and filtered electric piano stabs. A "
          "vibraphone sample answers every four bars. The groove is mellow and late-night."),
    CLEAN("genre=folk-acoustic tempo=moderate voice=lead-male,backing mood=nostalgic "
          "instrument=acoustic-guitar,mandolin,double-bass",
          "Three-part male harmonies over acoustic guitar and mandolin tremolo. The upright bass "
          "plays roots and fifths. The lyrics look back on childhood."),
    CLEAN("genre=latin tempo=moderate voice=lead-male mood=dramatic "
          "instrument=accordion,violin,piano,double-bass",
          "A tango with a sharp bandoneon rhythm and sliding violins. The male singer declaims "
          "with exaggerated emotion. Sudden rests make it dramatic."),
    CLEAN("genre=metal tempo=fast voice=none mood=energetic instrument=distorted-guitar",
          "A guitarist demonstrates thrash riffs on a seven-string guitar through a high-gain "
          "amplifier. The picking is fast and precise. A metronome click is audible."),
    CLEAN("genre=classical tempo=moderate voice=lead-male mood=sad instrument=piano",
          "A baritone performs a German lied with piano. The accompaniment imitates a spinning "
          "wheel in running sixteenths. The singer shapes each line with care."),
    CLEAN("genre=unmatched tempo=moderate voice=lead-child mood=happy "
          "instrument=xylophone,ukulele,claps",
          "A children's song with a toy xylophone and a ukulele. A little girl sings slightly out"
          " of tune and claps along. It is cute and homemade."),
    CLEAN("genre=rock tempo=moderate voice=lead-male mood=sad instrument=acoustic-"
          "guitar,strings,drums,bass-guitar",
          "An unplugged rock ballad with two strummed acoustic guitars and a string quartet. The "
          "singer's voice cracks on the high notes. Drums stay on the rim until the last chorus."),
    CLEAN("genre=electronic tempo=fast voice=synthetic mood=playful instrument=synth-lead,drum-"
          "machine,synth-bass",
          "Robotic electro with a vocoder voice that recites numbers. The drum machine has a "
          "snappy snare and cowbell fills. It sounds retro and playful."),
    CLEAN("genre=pop tempo=moderate voice=lead-female,backing mood=romantic "
          "instrument=piano,bass-guitar,drums,strings",
          "The Pop song features a passionate female vocal over punchy kick and snare hits, "
          "shimmering hi hats and a smooth bass guitar. Wide harmonizing background vocals and a "
          "mellow piano melody fill the chorus. It sounds emotional and romantic."),
    CLEAN("genre=folk-acoustic tempo=slow voice=lead-male mood=calm instrument=acoustic-guitar",
          "The low quality recording features a live performance of a folk song that consists of "
          "an arpeggiated acoustic guitar melody under a flat male vocal. The recording is mono, "
          "noisy and in poor audio quality. It is calm and intimate."),
    CLEAN("genre=electronic tempo=fast voice=none mood=energetic instrument=synth-lead,synth-"
          "bass,drum-machine",
          "This is an instrumental electronic dance piece with a fast tempo. A bright synth plays"
          " a repetitive melody while the electronic drums keep a simple beat. It is energetic "
          "and would be played in a nightclub."),
    CLEAN("genre=rock tempo=fast voice=lead-male mood=aggressive instrument=distorted-"
          "guitar,bass-guitar,drums",
          "A male singer shouts aggressively over distorted electric guitars and a fast drum "
          "beat. The bass guitar plays the root notes. The song is rebellious and full of "
          "attitude."),
    CLEAN("genre=classical tempo=slow voice=none mood=sad instrument=violin,piano",
          "A violin plays a sorrowful melody with a generous vibrato while the piano accompanies "
          "with slow chords. The piece is instrumental. It might be played in the sad scene of a "
          "movie."),
    CLEAN("genre=hip-hop tempo=moderate voice=rap mood=groovy instrument=drum-machine,synth-"
          "bass,synth-lead",
          "This hip hop song features a male voice rapping over a groovy beat. There is a synth "
          "bass, a snare on the backbeat and a short synth lead melody that repeats. The mood is "
          "confident."),
    CLEAN("genre=jazz tempo=moderate voice=none mood=romantic instrument=saxophone,piano,double-"
          "bass,drums",
          "This is a live recording of a jazz quartet. The saxophone takes the lead with a "
          "soulful solo, and the piano, double bass and drums accompany softly. People can be "
          "heard talking in the background."),
    CLEAN("genre=world-traditional tempo=moderate voice=lead-female,backing mood=joyful "
          "instrument=hand-percussion,flute,sitar",
          "An Indian folk song with a female lead voice and a group of women who repeat each "
          "line. Tabla and dholak provide the rhythm, with a bamboo flute and a sitar in between."
          " It is festive."),
    CLEAN("genre=country tempo=moderate voice=lead-male mood=happy instrument=acoustic-"
          "guitar,violin,banjo,bass-guitar,drums",
          "This is a happy country song sung by a man with a deep voice. The acoustic guitar "
          "strums, the fiddle plays fills and the banjo picks quick rolls. The drums play a "
          "simple two-beat pattern."),
    CLEAN("genre=metal tempo=fast voice=scream mood=angry instrument=distorted-guitar,bass-"
          "guitar,drums",
          "This metal song has a growling vocalist and heavily distorted guitars playing fast "
          "riffs. The drummer plays double bass drums and crash cymbals. The atmosphere is angry "
          "and violent."),
    CLEAN("genre=blues tempo=slow voice=lead-male mood=sad instrument=electric-guitar,bass-"
          "guitar,drums,organ",
          "A slow blues with a male vocal full of pain. The electric guitar plays sparse licks "
          "between the lines, and an organ holds chords in the background. The bass and the drums"
          " are steady."),
    CLEAN("genre=latin tempo=fast voice=lead-male,backing mood=happy instrument=brass,hand-"
          "percussion,piano,bass-guitar",
          "This is a salsa song with a male lead vocal and a choir that answers him. The brass "
          "section plays rhythmic hits over congas, timbales and piano. The music is happy and "
          "danceable."),
    CLEAN("genre=new-age tempo=slow voice=none mood=peaceful instrument=synth-pad,flute,nature",
          "The song features a sustained synth pad, a breathy flute melody and the sounds of a "
          "stream. It sounds peaceful, relaxing and spiritual. It could be used in a meditation "
          "session."),
    CLEAN("genre=r-and-b tempo=slow voice=lead-female mood=sensual instrument=electric-"
          "piano,drum-machine,synth-bass",
          "A sensual R&B song with a soft female vocal and lots of ad-libs. The electric piano "
          "plays jazzy chords over a slow drum machine beat and a deep synth bass. The mood is "
          "intimate."),
    CLEAN("genre=easy-listening tempo=slow voice=none mood=calm instrument=saxophone,electric-"
          "piano,bass-guitar,drums",
          "This is smooth and relaxing instrumental music with a soprano saxophone melody. An "
          "electric piano, a bass guitar and soft drums accompany. It fits in an elevator or a "
          "waiting room."),
    CLEAN("genre=unmatched tempo=none voice=none mood=tense instrument=noise,strings",
          "A suspenseful sound effect with dissonant strings and rising noise. It builds tension "
          "and stops suddenly. It would suit a horror movie trailer."),
    CLEAN("genre=rock tempo=moderate voice=none mood=energetic instrument=electric-guitar",
          "Someone is playing an electric guitar solo with a wah pedal and a lot of sustain. The "
          "player uses bends, hammer-ons and fast runs. This is an amateur recording made at "
          "home."),
    CLEAN("genre=electronic tempo=moderate voice=lead-female mood=dreamy instrument=synth-"
          "pad,synth-arp,drum-machine,synth-bass",
          "A dreamy electronic song with an ethereal female voice drenched in reverb. Pulsating "
          "synth arpeggios and airy pads surround a soft kick. It sounds hypnotic and futuristic."),
    CLEAN("genre=pop tempo=fast voice=lead-child,choir mood=playful "
          "instrument=piano,xylophone,drums,bass-guitar",
          "A children's song with a chorus of kids singing in unison over a bouncy piano and a "
          "xylophone. The bass and drums are simple and cheerful. It sounds fun and educational."),
    CLEAN("genre=classical tempo=moderate voice=none mood=epic "
          "instrument=strings,brass,timpani,drums",
          "This is an epic orchestral piece with staccato strings, a powerful brass melody and "
          "booming percussion. The timpani roll into the climax. It could be playing in a fantasy"
          " video game."),
    CLEAN("genre=world-traditional tempo=fast voice=none mood=joyful instrument=bagpipes,drums",
          "A marching pipe band plays a traditional Scottish tune. The bagpipes carry the melody "
          "over their drones, and the snare drums play precise rolls. The recording is outdoors "
          "and noisy."),
    CLEAN("genre=hip-hop tempo=fast voice=rap mood=aggressive instrument=drum-machine,synth-"
          "bass,strings",
          "An aggressive trap song with an angry male rapper. The beat has rapid hi-hats, booming"
          " 808 bass and menacing staccato strings. Gunshot and siren effects are added."),
    CLEAN("genre=jazz tempo=fast voice=lead-male mood=happy "
          "instrument=brass,saxophone,piano,double-bass,drums",
          "An upbeat swing song with a charming male singer and a big band. The brass and "
          "saxophones play catchy riffs, and the double bass walks quickly. It sounds like the "
          "1940s."),
    CLEAN("genre=country tempo=slow voice=duet mood=romantic instrument=acoustic-guitar,slide-"
          "guitar,piano",
          "A romantic duet between a male and a female singer with acoustic guitar, piano and "
          "steel guitar. The voices blend in the refrain. The song is slow and sentimental."),
    CLEAN("genre=folk-acoustic tempo=fast voice=none mood=joyful instrument=violin,acoustic-"
          "guitar,hand-percussion",
          "This is a folk dance tune played on the fiddle with a strummed guitar. A hand drum "
          "keeps the rhythm and people clap along. It is lively and rustic."),
    CLEAN("genre=metal tempo=moderate voice=none mood=dark instrument=distorted-"
          "guitar,drums,bass-guitar,synth-pad",
          "A dark instrumental metal track with low tuned guitars and a slow, heavy groove. A "
          "choir-like synth pad adds an eerie atmosphere. The drums have a huge room sound."),
    CLEAN("genre=latin tempo=slow voice=lead-female mood=melancholic instrument=classical-guitar",
          "A female singer performs a melancholic Spanish song with only a nylon guitar. The "
          "guitar alternates arpeggios with rasgueado strums. Her voice is powerful and slightly "
          "hoarse."),
    CLEAN("genre=electronic tempo=fast voice=rap mood=energetic instrument=drum-machine,synth-"
          "bass,synth-lead",
          "A grime track with an energetic male rapper over a cold, buzzing synth bass. The drum "
          "pattern is syncopated and sparse. The sound is raw and urban."),
    CLEAN("genre=pop tempo=moderate voice=lead-male mood=nostalgic instrument=synth-pad,synth-"
          "bass,drum-machine,electric-guitar",
          "This song has a nostalgic eighties feel with a mellow male vocal. Warm synth pads, a "
          "pulsing synth bass and gated electronic drums support a clean electric guitar melody. "
          "It would fit a road trip."),
    CLEAN("genre=blues tempo=moderate voice=none mood=groovy instrument=harmonica,acoustic-guitar",
          "A man plays a blues harmonica solo with heavy hand vibrato over a strummed acoustic "
          "guitar. His foot taps the beat. The recording sounds like a front porch."),
    CLEAN_OF(
        "genre=country tempo=moderate voice=lead-male mood=happy "
        "instrument=acoustic-guitar,accordion,drums,bass-guitar",
        "A man sings a happy two-step about summer with a broad accent. Accordion fills answer "
        "him over a strummed acoustic guitar, bass and light drums.",
        "Summer on the river (official video)", "Harlan Mabry"),
};

static void careful_answers_are_left_in_peace(void **state)
{
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    size_t alarms = 0, count = MEL_COUNT(careful);
    assert_true(count >= 60);
    for (size_t i = 0; i < count; i++) {
        lint_case(fixture, &careful[i], true, true, &findings);
        if (findings.count == 0) continue;
        char *got = lint_summary(&findings, careful[i].text, ~0u);
        print_message("\"%s\"\n  %s\n", careful[i].text, got);
        free(got);
        alarms++;
    }
    mel_lint_findings_clear(&findings);
    print_message("%zu of %zu careful answers with a finding\n", alarms, count);
    assert_true(alarms * 100 < count * 5);
}

/* Titles have plain words too; the text's own words must not be taken for names because of them. */
static void titles_and_channels_raise_no_alarm(void **state)
{
    static const struct {
        const char *title, *channel;
    } origins[] = {
        {"The Rolling Harvesters - Summer in the City (Live at Glastonwick 1999)", "Harvesters TV"      },
        {"Best relaxing piano music for sleep, soft rain and warm strings",        "Calm Music Channel" },
        {"Beginner guitar lesson: how to play a slow blues shuffle",               "Home Guitar Teacher"},
        {"Symphony No. 40 in G minor, first movement, full orchestra",             "Classical Masters"  },
        {"Drake Hollowell - Nightfall [Official Audio]",                           "Nightfall Records"  },
        {"Kids singing a happy song on the street, voices and drums",              "Family Vlog"        },
        {"Heavy metal riffs in drop D with distorted guitars",                     "Riff Factory"       },
    };
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    size_t alarms = 0, count = MEL_COUNT(careful);
    for (size_t i = 0; i < count; i++) {
        LintCase test = careful[i];
        test.title = origins[i % MEL_COUNT(origins)].title;
        test.channel = origins[i % MEL_COUNT(origins)].channel;
        lint_case(fixture, &test, true, true, &findings);
        char *got = lint_summary(&findings, test.text, 1u << LINT_LEAK);
        if (*got) print_message("\"%s\" beside \"%s\"\n  %s\n", test.text, test.title, got);
        alarms += *got != '\0';
        free(got);
    }
    mel_lint_findings_clear(&findings);
    assert_true(alarms * 100 < count * 5);
}

/* The same captions beside another answer's fields: if those passed too, the peace above would be
 * worth nothing. */
static void the_same_texts_beside_other_fields_are_not(void **state)
{
    const LintFixture *fixture = *state;
    LintFindings findings = {0};
    size_t flagged = 0, count = MEL_COUNT(careful);
    for (size_t i = 0; i < count; i++) {
        LintCase swapped = careful[i];
        swapped.fields = careful[(i + 1) % count].fields;
        lint_case(fixture, &swapped, true, true, &findings);
        flagged += findings.count > 0;
    }
    mel_lint_findings_clear(&findings);
    print_message("%zu of %zu with the fields of another\n", flagged, count);
    assert_true(flagged * 100 > count * 90);
}

static double time_all_us(const LintFixture *fixture, bool spelling)
{
    enum { ROUNDS = 20 };
    LintFindings findings = {0};
    int64_t start_us = mel_monotonic_us();
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < MEL_COUNT(careful); i++)
            lint_case(fixture, &careful[i], spelling, true, &findings);
    double spent_us = (double)(mel_monotonic_us() - start_us);
    mel_lint_findings_clear(&findings);
    return spent_us / (double)(ROUNDS * MEL_COUNT(careful));
}

static void the_time_of_one_answer_is_told(void **state)
{
    const LintFixture *fixture = *state;
    print_message("one answer: %.0f us, %.0f us with spelling\n", time_all_us(fixture, false),
                  time_all_us(fixture, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_of_the_showcase_is_found),
        cmocka_unit_test(careful_answers_are_left_in_peace),
        cmocka_unit_test(titles_and_channels_raise_no_alarm),
        cmocka_unit_test(the_same_texts_beside_other_fields_are_not),
        cmocka_unit_test(the_time_of_one_answer_is_told),
    };
    return cmocka_run_group_tests(tests, lint_setup, lint_teardown);
}
